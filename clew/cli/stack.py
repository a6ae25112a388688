"""
`clew stack`: the stack process, which `clew up` starts. Not meant for people, so the help does not list it.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from clew.cli.verb import FINE, Context, Refusal, Verbs
from clew.home import Home


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser("stack", description="The stack process. clew up starts it.")
    parser.add_argument("--config", type=Path, default=Path(), metavar="DIR")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    from importlib.metadata import version

    from clew.stack.compose import Stack, run_until_told
    from clew.stack.config import ConfigError, read_config
    from clew.stack.own_lines import OwnLines
    from clew.store import StoreError

    logging.basicConfig(handlers=[OwnLines(context.out, version=version("clew"))], level=logging.INFO)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # says at every busy moment that it is busy
    home = Home.at(context.settings.clew_home)
    try:
        config = read_config(args.config, context.environ)
        stack = Stack(config, settings=context.settings, home=home, report=logging.getLogger("clew.intake").warning)
    except (ConfigError, StoreError, ValueError) as error:
        raise Refusal(str(error)) from None
    except OSError as error:
        raise Refusal(f"The stack cannot listen: {error.strerror}. See who does: ss -ltnp") from None
    run_until_told(stack)
    return FINE
