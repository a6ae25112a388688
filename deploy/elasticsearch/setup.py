"""
Give Elasticsearch what the stack needs before the first line arrives: life cycle, index templates, roles, users.

Every request replaces what is there, so it may run at each start; a changed password in .env is set that way, too.
Standard library only: it runs from the services' image, which is there anyway.

    ELASTICSEARCH_URL=http://elasticsearch:9200 ELASTIC_PASSWORD=… LOGSTASH_PASSWORD=… python setup.py
"""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMEOUT_S = 30.0

TEMPLATES = {
    "clew-logs": "template.json",
    "clew-malformed": "malformed-template.json",
    "clew-jaeger-span": "jaeger-span-template.json",
    "clew-jaeger-service": "jaeger-service-template.json",
}
USERS = {"clew_logstash": "LOGSTASH_PASSWORD", "clew_jaeger": "JAEGER_PASSWORD", "clew_grafana": "GRAFANA_ES_PASSWORD"}
"""Each user has the one role of the same name; the variable has the password."""


class Refused(Exception):
    """Elasticsearch did not do it; the message has its answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request, and what it is for."""

    what: str
    method: str
    path: str
    body: Mapping[str, object]


def storage(files: Path = HERE) -> Iterator[Step]:
    """The life cycle first: a template that names one that is missing makes indices that are never deleted."""
    yield Step("life cycle clew-logs", "PUT", "/_ilm/policy/clew-logs", _read(files / "ilm.json"))
    for name, file in TEMPLATES.items():
        yield Step(f"index template {name}", "PUT", f"/_index_template/{name}", _read(files / file))


def accounts(environ: Mapping[str, str], files: Path = HERE) -> Iterator[Step]:
    """
    Roles, then who has them.

    :raises KeyError: naming the variable whose password is missing.
    """
    for name, variable in USERS.items():
        yield Step(f"role {name}", "PUT", f"/_security/role/{name}", _read(files / "roles" / f"{name}.json"))
        user = {"password": environ[variable], "roles": [name]}
        yield Step(f"user {name}", "PUT", f"/_security/user/{name}", user)
    password = {"password": environ["KIBANA_SYSTEM_PASSWORD"]}
    yield Step("user kibana_system", "POST", "/_security/user/kibana_system/_password", password)


def take(step: Step, *, url: str, user: str, password: str) -> None:
    """
    :raises Refused: with the answer, or with the reason why there was none.
    """
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = urllib.request.Request(
        url.rstrip("/") + step.path, json.dumps(step.body).encode(), method=step.method,
        headers={"Content-Type": "application/json", "Authorization": f"Basic {credentials}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        said = error.read(2000).decode("utf-8", "replace")
        raise Refused(f"Elasticsearch refused the {step.what} with {error.code}: {said}") from None
    except OSError as error:
        raise Refused(f"No answer from {url} to the {step.what}: {error}") from None


def _read(path: Path) -> dict[str, object]:
    content = json.loads(path.read_text("utf-8"))
    assert isinstance(content, dict), path
    return content


def main(environ: Mapping[str, str]) -> int:
    try:
        for step in [*storage(), *accounts(environ)]:
            take(step, url=environ["ELASTICSEARCH_URL"], user="elastic", password=environ["ELASTIC_PASSWORD"])
            print(f"{step.what}: done")
    except KeyError as missing:
        print(f"{missing.args[0]} is not set. Run `make env` and start again.", file=sys.stderr)
        return 1
    except Refused as why:
        print(why, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
