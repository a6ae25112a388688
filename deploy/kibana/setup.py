"""
Bring the saved objects of dashboards/kibana/ into Kibana: data view, searches, dashboards.

An object that is there is overwritten with ours, so it may run at each start. All files go up as one, because they
refer to each other. Standard library only: it runs from the services' image.

    KIBANA_URL=http://kibana:5601 ELASTIC_PASSWORD=… python setup.py dashboards/kibana
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path

TIMEOUT_S = 60.0


class Refused(Exception):
    """Kibana did not do it; the message has its answer."""


def bring(files: Iterable[Path], *, url: str, password: str) -> int:
    """
    Import *files* (newline-delimited saved objects) as the user ``elastic``; the number of objects.

    :raises Refused: also when only some of the objects were refused.
    """
    objects = b"\n".join(path.read_bytes().strip() for path in files) + b"\n"
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="clew.ndjson"\r\n\r\n'
    credentials = base64.b64encode(f"elastic:{password}".encode()).decode()
    request = urllib.request.Request(
        url.rstrip("/") + "/api/saved_objects/_import?overwrite=true",
        head.encode() + objects + f"\r\n--{boundary}--\r\n".encode(),
        headers={
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Authorization": f"Basic {credentials}",
            "kbn-xsrf": "clew",  # Kibana takes no change without it
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            result = json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(f"Kibana answered {error.code}: {error.read(2000).decode('utf-8', 'replace')}") from None
    except (OSError, ValueError) as error:
        raise Refused(f"No answer from {url}: {error}") from None
    if not result.get("success"):
        raise Refused(f"Kibana refused some of the objects: {json.dumps(result.get('errors'))[:2000]}")
    return int(result["successCount"])


def main(environ: Mapping[str, str], arguments: list[str]) -> int:
    try:
        files = sorted(Path(arguments[0]).glob("*.ndjson"))
        count = bring(files, url=environ["KIBANA_URL"], password=environ["ELASTIC_PASSWORD"])
    except Refused as why:
        print(why, file=sys.stderr)
        return 1
    print(f"{count} saved objects of {len(files)} files are in Kibana.")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ, sys.argv[1:]))
