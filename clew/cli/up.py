"""
`clew up`: start the stack and the services, keep them, stop them all on Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from clew.cli.fault import faults_of
from clew.cli.load import rate
from clew.cli.verb import USAGE, Context, Refusal, Verbs, add_verb
from clew.faults import sentences
from clew.home import Home
from clew.parts import PORTS, Plan
from clew.supervisor import (
    BoundedLog,
    Console,
    Errand,
    RunLock,
    RunRecord,
    Supervisor,
    line_writer,
    ports,
    processes,
    read_record,
    sweep,
)


def register(verbs: Verbs) -> None:
    parser = add_verb(
        verbs, "up", "Start the embedded stack and the three services; Ctrl-C stops them.",
        example="GATEWAY_PORT=8180 clew up --detach",
        about="Everything listens on 127.0.0.1. State is kept in CLEW_HOME (default .clew). A port set to 0 is chosen.",
    )
    parser.add_argument("--detach", action="store_true", help="return when everything is ready; `clew down` stops it")
    parser.add_argument("--no-services", action="store_true", help="start the stack alone, for services of your own")
    parser.add_argument("--no-journey", action="store_true", help="do not send a first order through the services")
    parser.add_argument("--load", type=rate, metavar="RPS", help="send so many requests per second until it stops")
    parser.add_argument(
        "--config", type=Path, default=Path(), metavar="DIR",
        help="where logstash.conf and prometheus.yml are (default: here)",
    )
    parser.add_argument("--background", action="store_true", help=argparse.SUPPRESS)  # what --detach starts
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    from clew.stack.config import ConfigError, read_config
    from clew.stack.notices import notices

    home = Home.at(context.settings.clew_home)
    if args.load and args.no_services:
        print("--load needs services; leave --no-services out.", file=context.err)
        return USAGE
    refuse_if_running(home)
    try:
        config = read_config(args.config, {**context.environ, "LOG_DIR": str(home.logs)})
    except ConfigError as error:
        raise Refusal(str(error)) from None
    home.prepare()
    if args.detach:
        from clew.cli.detach import start_in_background

        return start_in_background(_same_arguments(args), home=home, context=context)
    lock = RunLock(home.run)
    if not lock.take():
        refuse_if_running(home)
        raise Refusal("Another clew up was here at the same moment. Try again: clew up")
    try:
        return _supervise(args, context, home, notices(config))
    finally:
        lock.release()


def refuse_if_running(home: Home) -> None:
    """:raises Refusal: a stack of this home runs already; says its pid and where it answers."""
    if not RunLock(home.run).is_held():
        return
    record = read_record(home.run)
    if record is None or not record.alive:
        raise Refusal(f"Another clew up is starting in {home.path} at this moment. See it: clew status")
    gateway = f", gateway {record.url('GATEWAY_PORT')}" if len(record.parts) > 1 else ""
    raise Refusal(
        f"Clew is already running here (process {record.pid}): explorer {record.url('EXPLORER_PORT')}{gateway}. "
        "Stop it: clew down"
    )


def _supervise(args: argparse.Namespace, context: Context, home: Home, opening: Sequence[str]) -> int:
    log = BoundedLog(home.run / "up.log")
    console = Console(
        None if args.background else line_writer(context.out), log=log, colours=context.colours and not args.background
    )
    _sweep_leftovers(home, console)
    for sentence in sentences(faults_of(home), datetime.now(UTC)):
        console.say(f"{sentence} End it: clew fault clear")
    settings = context.settings
    wanted = {name: int(getattr(settings, name.lower())) for name in PORTS}
    chosen = ports.choose(wanted)
    complaints = ports.complaints(chosen)
    if complaints:
        raise Refusal("\n".join(complaints))
    for sentence in opening:
        console.say(sentence)
    plan = Plan(
        home=home, environ=context.environ, ports=chosen, config_dir=args.config.absolute(), run_id=uuid.uuid4().hex,
        with_services=not args.no_services, load_rps=args.load,
    )
    record = RunRecord(
        run_id=plan.run_id, pid=os.getpid(), identity=processes.identity(os.getpid()), phase="starting",
        started_s=time.time(), config_dir=str(plan.config_dir), ports=chosen, parts=(),
    )
    journey = not args.no_services and not args.no_journey
    supervisor = Supervisor(
        plan.parts(), record=record, run_dir=home.run, console=console,
        errand=_journey(plan, context) if journey else None,
        farewell=_farewell(record, background=args.background),
    )
    try:
        return supervisor.run()
    finally:
        log.close()


def _sweep_leftovers(home: Home, console: Console) -> None:
    before = read_record(home.run)
    swept = sweep(before) if before is not None else []
    if swept:
        console.say(f"Ended what an earlier clew up had to leave behind: {', '.join(swept)}.")


def _journey(plan: Plan, context: Context) -> Errand:
    looks = ("--columns", str(context.columns), *(("--colours",) if context.colours else ()))
    command = (sys.executable, "-m", "clew.main", "journey", "--first", *looks)
    return Errand(command=command, environ=plan.stack_environ(), cwd=plan.config_dir)


def _farewell(record: RunRecord, *, background: bool) -> Sequence[str]:
    stop = "Stop it: clew down" if background else "Stop it: Ctrl-C"
    return ("", f"Explorer {record.url('EXPLORER_PORT')}   {stop}")


def _same_arguments(args: argparse.Namespace) -> list[str]:
    flags = [f"--{name}" for name in ("no-services", "no-journey") if getattr(args, name.replace("-", "_"))]
    load = ["--load", f"{args.load:g}"] if args.load else []
    return [*flags, *load, "--config", str(args.config)]
