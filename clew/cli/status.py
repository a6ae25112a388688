"""
`clew status`: what runs, how fresh the signals are, and whether the ledger adds up.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from clew.cli.fault import documents, faults_of
from clew.cli.verb import FINE, NO, Context, Verbs, add_verb
from clew.faults import sentences
from clew.home import Home
from clew.supervisor import RunLock, RunRecord, read_record

_PATIENCE_S = 2.0


def register(verbs: Verbs) -> None:
    parser = add_verb(
        verbs, "status", "Say what runs, how fresh the signals are and whether anything was lost.",
        example="clew status --json", about="Exit code 1 if a part is down or a source is late.",
    )
    parser.add_argument("--json", action="store_true", help="as one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    home = Home.at(context.settings.clew_home)
    record = read_record(home.run)
    if record is None or not RunLock(home.run).is_held():
        if args.json:
            context.say(json.dumps({"running": False, "home": str(home.path)}))
        else:
            context.say(f"No stack is running in {home.path}. Start it: clew up")
        return NO
    stack = _ask_stack(record)
    faults = faults_of(home)
    down = [part.name for part in record.parts if part.state != "ready"]
    fine = not down and stack is not None and not any(source["late"] for source in stack["sources"])
    if args.json:
        state = {"running": True, "fine": fine, **asdict(record), "stack": stack, "faults": documents(faults)}
        context.say(json.dumps(state))
    else:
        _show(record, stack, context, now_s=time.time())
        for sentence in sentences(faults, datetime.now(UTC)):
            context.say(sentence)
    return FINE if fine else NO


def _ask_stack(record: RunRecord) -> dict[str, Any] | None:
    """What the stack process says about itself; None if it does not answer."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", record.ports["EXPLORER_PORT"], timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/-/status")
        answer = connection.getresponse()
        document = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return document if answer.status == 200 else None


def _show(record: RunRecord, stack: dict[str, Any] | None, context: Context, *, now_s: float) -> None:
    say = context.say
    say(f"Supervisor: process {record.pid}, {record.phase}, for {_span(now_s - record.started_s)}.")
    say("")
    say(f"{'part':<10}{'state':<12}{'pid':>8}{'port':>7}{'for':>8}{'restarts':>10}  last exit")
    for part in record.parts:
        say(
            f"{part.name:<10}{part.state:<12}{part.pid:>8}{part.port:>7}{_span(now_s - part.since_s):>8}"
            f"{part.restarts:>10}  {part.last_exit}".rstrip()
        )
    if stack is None:
        say("\nThe stack process does not answer, so freshness and losses are unknown. Read why: .clew/run/stack.log")
        return
    say(f"\n{'source':<30}{'newest':>14}  problem")
    for source in stack["sources"]:
        newest = "never" if source["age_s"] is None else f"{_span(source['age_s'])} ago"
        say(f"{source['name']:<30}{newest:>14}  {source['problem']}".rstrip())
    say(f"\n{'ledger':<34}{'emitted':>10}{'stored':>10}{'dropped':>10}{'missing':>10}")
    for name, counts in _accounts(stack["ledger"]):
        say(f"{name:<34}" + "".join(f"{count:>10}" for count in counts))
    say("")
    for signal, by_name in stack["counts"].items():
        losses = ", ".join(f"{name} {count}" for name, count in by_name.items() if ":" in name or signal == "aside")
        if losses:
            say(f"{signal} not kept or kept aside: {losses}")
    sizes = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in stack["store_bytes"].items())
    say(f"{stack['bytes_behind']} bytes of log lines are not stored yet. Stores: {sizes}.")


def _accounts(ledger: list[dict[str, Any]]) -> Iterator[tuple[str, list[int]]]:
    """Those that add up, together per service and signal; every other one by itself."""
    columns = ("emitted", "stored", "dropped", "missing")
    even: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for account in ledger:
        if account["dropped"] or account["missing"]:
            yield f"{account['service']} {account['signal']}, {account['instance'][:8]}", [account[c] for c in columns]
        else:
            even.setdefault((account["service"], account["signal"]), []).append(account)
    for (service, signal), accounts in even.items():
        name = f"{service} {signal}, {len(accounts)} process{'es' if len(accounts) > 1 else ''}"
        yield name, [sum(account[c] for account in accounts) for c in columns]


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
