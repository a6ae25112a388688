"""
The command line as a page: `docs/reference/cli.md` is made by ``python -m clew.cli.reference`` and compared by a test.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from clew.cli.parser import make_parser

_HEAD = """# Command line

Made from the parser by `python -m clew.cli.reference > docs/reference/cli.md`.

`clew VERB --help` says the same. Settings come from the environment: see [settings](settings.md).

| exit code | meaning |
| --- | --- |
| 0 | fine |
| 1 | the answer is no: a sentence says why and what to do |
| 2 | wrong usage, or a setting that cannot be read |
| 3 | a bug: one sentence, and a file `crash-….txt` in `CLEW_HOME` with the details |
| 130 | interrupted with Ctrl-C (`clew up` ends with 0 then) |
"""


def reference() -> str:
    """
    The page, from the parser's own texts. Does not depend on the terminal nor on how a Python version lays out help.
    """
    return _HEAD + "".join(_section(name, summary, parser) for name, summary, parser in verbs())


def verbs() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """(name, summary, parser) of every public verb, and of what stands below one, such as `clew fault set`."""
    yield from _below(make_parser(), "")


def _below(parser: argparse.ArgumentParser, above: str) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, verb in action.choices.items():
                if name in summaries:
                    yield above + name, summaries[name], verb
                    yield from _below(verb, f"{above}{name} ")


def _section(name: str, summary: str, parser: argparse.ArgumentParser) -> str:
    about = (parser.description or "").removeprefix(summary).strip()
    example = (parser.epilog or "").removeprefix("example:").strip()
    lines = [f"\n## clew {name}\n", summary]
    lines += [f"\n{about}"] if about else []
    lines += ["\n```", example, "```"]
    options = [action for action in parser._actions if action.help != argparse.SUPPRESS and action.dest != "help"]
    if options:
        lines += ["\n| argument | meaning |", "| --- | --- |"]
        lines += [f"| `{_signature(action)}` | {_help(action)} |" for action in options]
    return "\n".join(lines) + "\n"


def _help(action: argparse.Action) -> str:
    return (action.help or "") % {}  # argparse wants a percent sign written twice


def _signature(action: argparse.Action) -> str:
    if not action.option_strings:
        return str(action.metavar or action.dest)
    name = ", ".join(action.option_strings)
    return name if action.nargs == 0 else f"{name} {action.metavar or action.dest.upper()}"


if __name__ == "__main__":
    sys.stdout.write(reference())
