"""
What every verb is given and how it refuses.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, TypeAlias

if TYPE_CHECKING:
    from observability import Settings

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

FINE, NO, USAGE, CRASH, INTERRUPTED = 0, 1, 2, 3, 130


class Refusal(Exception):
    """The answer is no (exit code 1). The message is for a person and names the next command or the fix."""


@dataclass(frozen=True, slots=True)
class Context:
    """
    What a verb may use of the world: made once, in `clew/main.py`.

    :param environ: for the environment of children only; every setting is in *settings*.
    :param out: where answers go; *err* where complaints go.
    :param colours: whether *out* is a terminal that wants them (NO_COLOR is heeded); *columns*: how wide it is.
    """

    settings: Settings
    environ: Mapping[str, str]
    out: TextIO
    err: TextIO
    colours: bool = False
    columns: int = 100

    def say(self, text: str) -> None:
        """A line of the answer, out at once."""
        print(text, file=self.out, flush=True)


def add_verb(verbs: Verbs, name: str, summary: str, *, example: str, about: str = "") -> argparse.ArgumentParser:
    """A parser for *name* whose ``--help`` says *summary*, then *about*, and ends in *example*."""
    return verbs.add_parser(
        name,
        help=summary,
        description=f"{summary}\n\n{about}".rstrip(),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
