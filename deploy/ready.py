"""
The image's health check: exit code 0 when ``READY_URL`` answers 200 within two seconds, else 1 and one line saying why.

Nothing but the standard library's sockets: the image has neither curl nor a shell that would need it.
"""

from __future__ import annotations

import http.client
import os
import sys
from urllib.parse import urlsplit

PATIENCE_S = 2.0


def why_not(url: str) -> str:
    """What is wrong with the answer of *url*; empty when nothing is."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", address.path or "/")
        answer = connection.getresponse()
        body = answer.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{url} gave no answer: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if answer.status == 200 else f"{url} answered {answer.status}: {body}"


if __name__ == "__main__":
    sys.exit(why_not(os.environ["READY_URL"]) or 0)
