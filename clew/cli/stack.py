"""
`clew stack`: the stack process, which `clew up` starts. Not meant for people, so the help does not list it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from clew.cli.verb import NO, Context, Verbs
from clew.home import Home


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser("stack", description="The stack process. clew up starts it.")
    parser.add_argument("--config", type=Path, default=Path(), metavar="DIR")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    from clew.stack import ConfigError, run_stack

    home = Home.at(context.settings.clew_home)
    try:
        return run_stack(context.settings, config_dir=args.config, home=home, out=context.out)
    except ConfigError as error:
        print(error, file=context.err)
        return NO
