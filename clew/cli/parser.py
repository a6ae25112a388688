"""
The command line as a whole: one verb, one module.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from clew.cli import down, fault, follow, journey, load, logstash, stack, status, up

VERBS = (up, down, status, follow, journey, fault, load, logstash, stack)


def make_parser() -> argparse.ArgumentParser:
    """The parser of `clew`; ``args.run`` is the chosen verb's ``run(args, context) -> exit code``."""
    parser = argparse.ArgumentParser(
        prog="clew",
        description="One request, followed across services, logs, metrics and traces.",
        epilog="exit codes: 0 fine, 1 the answer is no, 2 wrong usage, 3 a bug, 130 interrupted\n\n"
        "example:\n  clew up\n  clew follow ord_01k9zt6p2x",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb")
    for verb in VERBS:
        verb.register(verbs)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when somebody asks: reading package metadata takes longer than all of --help."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from importlib.metadata import version

        print(f"clew {version('clew')}")
        parser.exit()
