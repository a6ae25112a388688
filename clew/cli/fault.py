"""
`clew fault`: make a running service slow or let it fail, for an exercise; say what is on; end it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime

from clew.cli.verb import FINE, USAGE, Context, Refusal, Verbs, add_verb
from clew.faults import EVERY_ROUTE, Fault, FaultsError, edit_faults, read_faults
from clew.home import Home

_LONGEST_MS = 60_000
_PATIENCE_S = 3.0


def register(verbs: Verbs) -> None:
    parser = add_verb(
        verbs, "fault", "Make a service slow or let it fail, for an exercise.",
        example="clew fault set user 'GET /users/{user_id}' --latency 800ms --errors 35%",
        about="Faults stay until they are cleared, also over `clew down` and `clew up`. Health checks and metrics are\n"
        "never faulted. Each fault that happens is a log line fault.injected and clew.fault=true on the span.",
    )
    parser.set_defaults(run=lambda _args, context: _usage(parser, context))
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", help="set, list or clear")
    one = add_verb(
        actions, "set", "Set a fault, in place of the one that this route had.",
        example="clew fault set order --latency 1.5s",
    )
    one.add_argument("service", metavar="SERVICE", help="user, order or gateway")
    _add_route(one, "method and rule, 'GET /users/{user_id}'; default: every route")
    one.add_argument("--latency", type=_milliseconds, default=0.0, metavar="TIME", help="how much later: 800ms or 1.5s")
    one.add_argument("--errors", type=_ratio, default=0.0, metavar="SHARE", help="share answered with an error: 35%%")
    one.add_argument("--status", type=_status, default=503, metavar="CODE", help="of those errors, 400 to 599 (503)")
    one.set_defaults(run=run_set)
    every = add_verb(actions, "list", "Say which faults are on and since when.", example="clew fault list --json")
    every.add_argument("--json", action="store_true", help="as one JSON document")
    every.set_defaults(run=run_list)
    clear = add_verb(actions, "clear", "End faults: of one route, of one service, or all.", example="clew fault clear")
    clear.add_argument("service", nargs="?", metavar="SERVICE", help="only this service's")
    _add_route(clear, "only this route's")
    clear.set_defaults(run=run_clear)


def run_set(args: argparse.Namespace, context: Context) -> int:
    if not args.latency and not args.errors:
        print("A fault needs --latency, --errors or both: clew fault set user --latency 800ms", file=context.err)
        return USAGE
    home = Home.at(context.settings.clew_home)
    _check_names(home, args.service, args.route)
    now = datetime.now(UTC).replace(microsecond=0)
    fault = Fault(args.service, args.route or EVERY_ROUTE, args.latency, args.errors, args.status, now)
    _edit(home, lambda faults: (*(f for f in faults if not _is(f, fault.service, fault.route)), fault))
    context.say(f"Set: {fault.service} {fault.where}: {fault.effect}. It holds from now on, until: clew fault clear")
    return FINE


def run_list(args: argparse.Namespace, context: Context) -> int:
    faults = faults_of(Home.at(context.settings.clew_home))
    if args.json:
        context.say(json.dumps({"faults": documents(faults)}))
        return FINE
    if not faults:
        context.say("No fault is on. Set one: clew fault set user --latency 800ms")
        return FINE
    width = max(len("route"), *(len(fault.where) for fault in faults))
    context.say(f"{'service':<9} {'route':<{width}} {'later by':>9} {'errors':>7} {'status':>7}  since")
    for f in faults:
        later, errors = f"{f.latency_ms:g} ms", f"{100 * f.error_ratio:g} %"
        status = str(f.status) if f.error_ratio else ""
        since = f.since_when(datetime.now(UTC))
        context.say(f"{f.service:<9} {f.where:<{width}} {later:>9} {errors:>7} {status:>7}  {since}")
    return FINE


def run_clear(args: argparse.Namespace, context: Context) -> int:
    home = Home.at(context.settings.clew_home)
    before = faults_of(home)
    gone = [f for f in before if _is(f, args.service, args.route)]
    if not before:
        context.say("No fault is on.")
        return FINE
    if not gone:
        what = f"{args.service} {args.route or ''}".strip()
        on = "; ".join(f"{f.service} {f.where}" for f in before)
        raise Refusal(f"No fault of {what} is on. On are: {on}.")
    _edit(home, lambda faults: (f for f in faults if not _is(f, args.service, args.route)))
    for f in gone:
        context.say(f"Cleared: {f.service} {f.where}: {f.effect}.")
    return FINE


def faults_of(home: Home) -> tuple[Fault, ...]:
    """
    The faults of *home*.

    :raises Refusal: its file cannot be understood.
    """
    try:
        return read_faults(home.faults)
    except FaultsError as error:
        raise Refusal(str(error)) from None


def documents(faults: Iterable[Fault]) -> list[dict[str, object]]:
    """*faults* for a JSON document."""
    return [asdict(f) | {"since": f.since.isoformat().replace("+00:00", "Z") if f.since else None} for f in faults]


def _edit(home: Home, change: Callable[[tuple[Fault, ...]], Iterable[Fault]]) -> None:
    try:
        edit_faults(home, change)
    except FaultsError as error:
        raise Refusal(str(error)) from None


def _is(fault: Fault, service: str | None, route: str | None) -> bool:
    return service in (None, fault.service) and route in (None, fault.route)


def _check_names(home: Home, service: str, route: str | None) -> None:
    from clew.parts import SERVICES
    from clew.supervisor import read_record

    record = read_record(home.run)
    if record is None or not record.alive:
        raise Refusal(f"No stack is running in {home.path}, so nothing can have a fault. Start it: clew up")
    running = [part.name for part in record.parts if part.name in SERVICES]
    if service not in running:
        known = f"Running are: {', '.join(running)}." if running else "None runs in this stack."
        raise Refusal(f"No service is called {service}. {known}")
    if route is None or route == EVERY_ROUTE:
        return
    routes = _routes(record.url(f"{service.upper()}_PORT"))
    if routes is None:
        raise Refusal(
            f"The {service} service does not answer, so its routes are unknown. Look: clew status. "
            f"A fault for every route can be set all the same: clew fault set {service} …"
        )
    if route not in routes:
        listed = "".join(f"\n  {one}" for one in routes)
        raise Refusal(f"The {service} service has no route {route!r}. It has:{listed}")


def _routes(url: str) -> list[str] | None:
    """The routes that the service at *url* names; None if it does not answer."""
    import http.client
    from urllib.parse import urlsplit

    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/faults")
        answer = connection.getresponse()
        return [str(route) for route in json.loads(answer.read())["routes"]] if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError, LookupError):
        return None
    finally:
        connection.close()


def _add_route(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("route", nargs="?", type=_rule, metavar="ROUTE", help=text)


def _rule(text: str) -> str:
    """``get /users/{user_id}`` is ``GET /users/<user_id>``."""
    if text == EVERY_ROUTE:
        return text
    method, _, rule = text.strip().partition(" ")
    rule = re.sub(r"\{(.+?)\}", r"<\1>", rule.strip())
    return f"{method.upper()} {rule}"


def _milliseconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(ms|s)", text)
    value = float(found[1]) * (1000 if found[2] == "s" else 1) if found else -1
    if not 0 < value <= _LONGEST_MS:
        raise argparse.ArgumentTypeError(f"must be a time above 0 and up to 60s, such as 800ms or 1.5s, not {text!r}")
    return value


def _ratio(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(%?)", text)
    value = round(float(found[1]) / (100 if found[2] else 1), 6) if found else -1
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be a share such as 35% or 0.35, not {text!r}")
    return value


def _status(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 400 <= int(text) <= 599):
        raise argparse.ArgumentTypeError(f"must be a status from 400 to 599, not {text!r}")
    return int(text)


def _usage(parser: argparse.ArgumentParser, context: Context) -> int:
    parser.print_help(context.err)
    return USAGE
