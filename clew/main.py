"""
Composition root of the command line, and the only module of `clew` that reads the environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from clew.cli.parser import make_parser
from clew.cli.verb import CRASH, INTERRUPTED, NO, USAGE, Context, Refusal
from clew.home import HomeError
from observability import Settings, SettingsError


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """
    Run one verb. Exit codes: 0 fine, 1 the answer is no, 2 wrong usage, 3 a bug (details in a file), 130 interrupted.
    """
    environ = os.environ if environ is None else environ
    parser = make_parser()
    args = parser.parse_args(argv)
    if args.verb is None:
        parser.print_help(sys.stderr)
        return USAGE
    try:
        settings = Settings.from_env(environ, service_name="clew")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return USAGE
    context = Context(
        settings=settings,
        environ=environ,
        out=sys.stdout,
        err=sys.stderr,
        colours=sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb",
    )
    try:
        code: int = args.run(args, context)
        sys.stdout.flush()
    except (Refusal, HomeError) as no:
        print(no, file=sys.stderr)
        return NO
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `clew follow … | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO
    except Exception as error:  # noqa: BLE001 (the last door: a sentence and a file instead of a stack trace)
        from clew.cli.crash import write_crash

        path = write_crash(error, argv=sys.argv if argv is None else list(argv), home=Path(settings.clew_home))
        print(f"clew {args.verb} hit a bug ({type(error).__name__}). Details: {path}", file=sys.stderr)
        return CRASH
    return code


if __name__ == "__main__":
    sys.exit(main())
