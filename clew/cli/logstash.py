"""
`clew logstash`: a pipeline's files to its Elasticsearch, where there is no Logstash.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from clew.cli.verb import FINE, Context, Refusal, Verbs, add_verb
from clew.home import Home


def register(verbs: Verbs) -> None:
    parser = add_verb(
        verbs, "logstash", "Do what a logstash.conf says: read its files, filter, send to its Elasticsearch.",
        example="ELASTICSEARCH_URL=http://127.0.0.1:9200 clew logstash -f logstash.conf",
        about="Runs until Ctrl-C, in the foreground. ${LOG_DIR} is the log directory of `clew up` unless the\n"
        "environment says otherwise. A line counts as sent when the server has acknowledged it: either side may be\n"
        "killed at any time. What the server will never take is kept in DIR/aside, and counted.",
    )
    parser.add_argument(
        "-f", dest="file", type=Path, default=Path("logstash.conf"), metavar="FILE", help="the pipeline (logstash.conf)"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="where positions are kept (positions/logstash in CLEW_HOME)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    from clew.pipeline import ConfigError
    from clew.stack.shipping import Busy, Shipping
    from clew.stack.told import told_to_stop

    home = Home.at(context.settings.clew_home)
    try:
        shipping = Shipping(
            args.file.read_text("utf-8"), filename=str(args.file), data=args.data or home.positions / "logstash",
            environ={"LOG_DIR": str(home.logs), **context.environ},
            report=lambda sentence: print(sentence, file=context.err, flush=True),
        )
    except UnicodeDecodeError:
        raise Refusal(f"{args.file} is not UTF-8.") from None
    except OSError as error:
        raise Refusal(f"Cannot use {error.filename or args.file}: {error.strerror}.") from None
    except (ConfigError, Busy, ValueError) as error:
        raise Refusal(str(error)) from None
    stop = told_to_stop()
    context.say(f"Sending what {args.file} reads to {', '.join(shipping.hosts)}. Ctrl-C ends it.")
    shipping.run(stop)
    context.say(", ".join(f"{name} {count}" for name, count in shipping.counts().items()))
    return FINE
