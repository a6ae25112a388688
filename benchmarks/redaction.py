"""
What redaction costs a log line, beside the usual way: one big alternation that ignores case, searched in every text.

The peer finds far less (no card check, nothing encoded, no exact secrets); its time is the yardstick, not its result.
"""

from __future__ import annotations

import re
import time
import timeit
from collections.abc import Callable

import orjson

from observability.redaction import NONE, Redactor, Secrets

PEER = re.compile(
    r"password|passwd|mysql_pwd|secret|auth(?!ors?\b)|credential|private[._ -]?key|api[._ -]?key|session|cookie|csrf"
    r"|xsrf|jwt|ssn|social[._ -]?security|credit[._ -]?card|[\w.+-]+@[\w-]+\.\w+|(?:\d[ -]?){13,19}",
    re.IGNORECASE,
)
TEXTS = {
    "message, 80 characters": "order ord_0193abc placed for user usr_456 with 3 items, total amount of 4200 EUR",
    "message with a colon": "Listening at: http://127.0.0.1:8081 (pid 12345), 2 workers with 4 threads each",
    "path": "/api/orders/ord_01936e5a7c1f7d3b8e1a",
    "UUID": "5cd3b3de-94cb-4b2c-93cd-b6bb1ba12c1a",
    "user agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "stack trace, 2 KB": "Traceback (most recent call last):\n" + '  File "app.py", line 3, in f\n    g(x)\n' * 40,
    "dirty: password=…": "login failed for bob, password=hunter2 was refused after three tries",
    "dirty: e-mail": "receipt for order ord_0193abc was sent to bob@example.com a moment ago",
    "dirty: percent-encoded": "GET /search?q=mail%20of%20bob%40example.com&page=2",
}
DOCUMENT = {
    "@timestamp": "2026-11-21T09:40:01.123456Z",
    "log": {"level": "info", "logger": "gateway"},
    "message": "POST /api/orders 201 in 12.3 ms",
    "service": {"name": "gateway", "version": "0.1.0", "node": {"name": "5cd3b3de-94cb-4b2c-93cd-b6bb1ba12c1a"}},
    "event": {"id": "5cd3b3de-94cb-4b2c-93cd-b6bb1ba12c1a-12", "action": "request.finished", "duration": 12_345_678},
    "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
    "span": {"id": "00f067aa0ba902b7"},
    "http": {
        "request": {"method": "POST", "id": "01936e5a-7c1f-7d3b-8e1a-0242ac120002"},
        "response": {"status_code": 201, "body": {"bytes": 123}},
        "route": "/api/orders",
    },
    "url": {"path": "/api/orders"},
    "client": {"address": "127.0.0.1"},
    "user_agent": {"original": "python-requests/2.34.2"},
}


def microseconds(action: Callable[[], object], number: int = 5_000) -> float:
    return min(timeit.repeat(action, timer=time.process_time, number=number, repeat=7)) / number * 1e6


def main() -> None:
    redactor = Redactor()
    print(f"{'text':<28}{'us':>8}{'alternation':>13}{'ratio':>8}")
    for name, text in TEXTS.items():
        ours = microseconds(lambda text=text: redactor.text(text))  # type: ignore[misc]
        peer = microseconds(lambda text=text: PEER.search(text))  # type: ignore[misc]
        print(f"{name:<28}{ours:>8.2f}{peer:>13.2f}{ours / peer:>8.2f}")
    print(f"\n{'document of 20 fields':<28}{'us':>8}{'orjson.dumps':>13}{'ratio':>8}")
    secrets = Secrets().add("Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc").add("correct horse battery staple")
    dumps = microseconds(lambda: orjson.dumps(DOCUMENT))
    for name, known in {"clean": NONE, "clean, 2 secrets known": secrets}.items():
        ours = microseconds(lambda known=known: redactor.document(DOCUMENT, known))  # type: ignore[misc]
        print(f"{name:<28}{ours:>8.2f}{dumps:>13.2f}{ours / dumps:>8.2f}")


if __name__ == "__main__":
    main()
