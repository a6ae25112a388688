"""
`clew load`: visitors who browse, register, order and err, at a rate that does not wait for the answers.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from clew.cli.verb import FINE, INTERRUPTED, NO, Context, Refusal, Verbs, add_verb
from clew.home import Home

if TYPE_CHECKING:
    from clew.load import Plan, Target, Visitors

NAMES = "browse, order, register, cancel, wrong-password, unknown-order, burst"
_MOST_RPS, _LONGEST_S, _MOST_CONNECTIONS = 1000, 24 * 3600, 256


def register(verbs: Verbs) -> None:
    parser = add_verb(
        verbs, "load", "Send mixed journeys through the gateway and say how it answered.",
        example="clew load --rps 50 --duration 5m --seed 7 --json result.json",
        about="Requests begin at their time, answered or not, and latencies count from then. Only a gateway on this\n"
        "machine gets load. Exit code 1 if there were answers that no journey expected. Ctrl-C ends it early, with\n"
        "the result so far and exit code 130.",
    )
    parser.add_argument("--rps", type=rate, default=50.0, metavar="N", help="requests per second (50)")
    parser.add_argument("--duration", type=_seconds, default=60.0, metavar="TIME", help="60s, 10m; 0: until stopped")
    parser.add_argument("--ramp", type=_seconds, default=5.0, metavar="TIME", help="until the rate is reached (5s)")
    parser.add_argument("--seed", type=int, metavar="N", help="the same seed makes the same plan (random, and said)")
    parser.add_argument(
        "--journeys", type=_weights, metavar="NAME=WEIGHT,…", help=f"how often each is chosen, of {NAMES}"
    )
    parser.add_argument("--connections", type=_connections, default=64, metavar="N", help="most at one time (64)")
    parser.add_argument("--gateway", metavar="URL", help="where to (the gateway of the running stack)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result as one JSON document")
    parser.add_argument(
        "--every", type=_seconds, default=5.0, metavar="TIME", help="between lines where output is no terminal (5s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    from clew.cli.load_view import view
    from clew.load import JOURNEYS, Client, Plan, Result, Runner, Tally, Visitors, source_address

    target = _target(args, context)
    plan = Plan(
        seed=args.seed if args.seed is not None else random.randrange(10**6), rps=args.rps, ramp_s=args.ramp,
        duration_s=args.duration or math.inf,
        weights=args.journeys or {name: kind.weight for name, kind in JOURNEYS.items()},
    )
    if args.json is not None:
        _try_to_write(args.json)
    visitors = Visitors(secrets.token_hex(4))
    context.say(_headline(plan, target))
    interrupted = False
    started_s, began = time.time(), time.monotonic()
    tally = Tally()
    show = view(context, plan, every_s=args.every)
    try:
        _first_visitors(target, visitors, plan)
        started_s, began = time.time(), time.monotonic()
        Runner(
            plan, visitors, tally, lambda number: Client(target, source=source_address(target, number)),
            connections=args.connections, tick=lambda in_flight: show(tally.glance(in_flight)),
        ).run()
    except KeyboardInterrupt:
        interrupted = True
    result = Result.of(
        plan, tally, gateway=target.url, run=visitors.run, started_s=started_s, took_s=time.monotonic() - began,
        interrupted=interrupted,
    )
    for line in ("", *result.table()):
        context.say(line)
    if args.json is not None:
        args.json.write_text(json.dumps(result.document(), indent=1) + "\n", "utf-8")
    if interrupted:
        return INTERRUPTED
    return NO if result.unexpected else FINE


def rate(text: str) -> float:
    """``--rps``, also of `clew up --load`."""
    value = _number(text)
    if not 0 < value <= _MOST_RPS:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and up to {_MOST_RPS}, not {text!r}")
    return value


def _target(args: argparse.Namespace, context: Context) -> Target:
    from clew.load import TargetError, target
    from clew.supervisor import read_record

    url = args.gateway
    if url is None:
        home = Home.at(context.settings.clew_home)
        record = read_record(home.run)
        if record is None or not record.alive:
            raise Refusal(f"No stack is running in {home.path}. Start it: clew up. Or name a --gateway.")
        url = record.url("GATEWAY_PORT")
    try:
        return target(url)
    except TargetError as error:
        raise Refusal(str(error)) from None


def _first_visitors(target: Target, visitors: Visitors, plan: Plan) -> None:
    from clew.load import Client, VisitError, first_visitors

    client = Client(target)
    try:
        first_visitors(client, visitors, seed=plan.seed)
    except VisitError as error:
        raise Refusal(str(error)) from None
    finally:
        client.close()


def _headline(plan: Plan, target: Target) -> str:
    until = "until stopped" if plan.duration_s == math.inf else f"for {plan.duration_s:g} s"
    return f"{plan.rps:g} requests per second {until}, to {target.url}, seed {plan.seed}. Ctrl-C ends it."


def _try_to_write(path: Path) -> None:
    """Better said now than after ten minutes."""
    try:
        path.open("a").close()
    except OSError as error:
        raise Refusal(f"Cannot write {path}: {error.strerror}.") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return value if math.isfinite(value) else -1.0


def _seconds(text: str) -> float:
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    unit = next((name for name in units if text.endswith(name)), "")
    value = _number(text.removesuffix(unit)) * units.get(unit, 1)
    if not 0 <= value <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"must be a time up to 24h, such as 90s or 10m, not {text!r}")
    return value


def _connections(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_CONNECTIONS):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_MOST_CONNECTIONS}, not {text!r}")
    return int(text)


def _weights(text: str) -> dict[str, float]:
    known = NAMES.split(", ")
    weights: dict[str, float] = {}
    for item in text.split(","):
        name, _, weight = item.strip().partition("=")
        value = _number(weight or "1")
        if name not in known or value < 0:
            raise argparse.ArgumentTypeError(f"must look like browse=5,order=1, of {NAMES}; {item!r} does not")
        weights[name] = value
    if not any(weights.values()):
        raise argparse.ArgumentTypeError("must choose at least one journey")
    return weights
