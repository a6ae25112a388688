"""
Composition root of the command line, and the only module of `clew` that reads the environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from observability import Settings


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """
    Run one verb. Exit codes: 0 fine, 1 the answer is no, 2 wrong usage, 3 a bug (details in a file), 130 interrupted.
    """
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv), os.environ if environ is None else environ)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `clew follow … | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run(argv: list[str], environ: Mapping[str, str]) -> int:
    # Imported here, so that a Ctrl-C meanwhile is an interrupt and not a stack trace.
    from clew.cli.parser import make_parser
    from clew.cli.verb import NO, USAGE, Context, Refusal
    from clew.home import HomeError
    from observability import Settings, SettingsError

    parser = make_parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as done:  # --help, --version or wrong usage: said already
        return int(done.code or 0)
    if args.verb is None:
        parser.print_help(sys.stderr)
        return USAGE
    try:
        settings = Settings.from_env(environ, service_name="clew")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return USAGE
    wants_colours = sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    columns = os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0
    context = Context(
        settings=settings, environ=environ, out=sys.stdout, err=sys.stderr, colours=wants_colours,
        columns=columns or 100,
    )
    try:
        code: int = args.run(args, context)
    except (Refusal, HomeError) as no:
        print(no, file=sys.stderr)
        return NO
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 (the last door: a sentence and a file instead of a stack trace)
        return _crashed(error, args.verb, argv, settings)
    return code


def _crashed(error: Exception, verb: str, argv: list[str], settings: Settings) -> int:
    from clew.cli.crash import write_crash
    from clew.cli.verb import CRASH

    path = write_crash(error, argv=argv, home=settings.clew_home)
    print(f"clew {verb} hit a bug ({type(error).__name__}). Details: {path}", file=sys.stderr)
    return CRASH


if __name__ == "__main__":
    sys.exit(main())
