"""
The output `elasticsearch` (logstash-output-elasticsearch 12): a document of an index per event.

Only `index` actions into indices that the configuration names: the embedded store has no data streams, update scripts
or ingest pipelines, and a configuration that asks for them is refused rather than half obeyed.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from clew.pipeline.event import Event
from clew.pipeline.fields import EventError
from clew.pipeline.model import ElasticsearchOutput
from clew.pipeline.options import Option, OptionError, Options
from clew.pipeline.plugin import BuiltOutput, Plugin, Tools
from clew.pipeline.sprintf import Template, template

_SETTINGS = (
    Option("api_key", "password"),
    Option("ssl_enabled", "boolean", False),
    Option("ssl_verification_mode", default="full", choices=("full", "none")),
    Option("ssl_certificate_authorities", "list"),
    Option("manage_template", "boolean", True),
    Option("ilm_enabled", default="auto", choices=("true", "false", "auto")),
    Option("data_stream", default="false", choices=("false",)),
    Option("timeout", "number", 60),
    Option("retry_initial_interval", "number", 2),
    Option("retry_max_interval", "number", 64),
)


def _build(options: Options, tools: Tools) -> BuiltOutput:
    hosts, user, password = _hosts(options)
    ways = [bool(user or password), "api_key" in options.given()]
    if sum(ways) > 1:
        raise OptionError("api_key", "cannot stand beside user and password: choose one way to log in")
    if ways[1] and not all(host.startswith("https:") for host in hosts):
        raise OptionError("api_key", "needs https in all hosts")
    given = options.given()
    document_id = options.text("document_id")
    description = ElasticsearchOutput(
        id=options.text("id"),
        hosts=hosts,
        index=options.text("index"),
        document_id=document_id,
        action=options.text("action"),
        user=user,
        password=password,
        settings={option.name: given[option.name] for option in _SETTINGS if option.name in given},
    )
    return BuiltOutput(
        description,
        _template(options, "index"),
        _template(options, "document_id") if document_id else None,
    )


def _template(options: Options, name: str) -> Template:
    prepared = template(options.text(name))
    try:
        prepared(Event({}, 0))
    except EventError as wrong:
        raise OptionError(name, f"cannot be used: {wrong}") from wrong
    return prepared


def _hosts(options: Options) -> tuple[tuple[str, ...], str, str]:
    """The addresses without credentials, and the credentials, which may stand in an address, too."""
    user, password = options.text("user"), options.text("password")
    hosts: list[str] = []
    for text in " ".join(options.texts("hosts")).split():
        message = f"must have addresses such as http://elasticsearch:9200; '{text}' is none"
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            port = parts.port or 9200
        except ValueError as wrong:
            raise OptionError("hosts", message) from wrong
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OptionError("hosts", message)
        user = user or unquote(parts.username or "")
        password = password or unquote(parts.password or "")
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        hosts.append(f"{parts.scheme}://{name}:{port}{parts.path.rstrip('/')}")
    if not hosts:
        raise OptionError("hosts", "must have an address such as http://elasticsearch:9200")
    return tuple(hosts), user, password


PLUGIN: Plugin[BuiltOutput] = Plugin(
    "elasticsearch",
    (
        Option("hosts", "list", ["127.0.0.1"]),
        Option("index", required=True),
        Option("document_id"),
        Option("action", default="index", choices=("index",)),
        Option("user"),
        Option("password", "password"),
        *_SETTINGS,
    ),
    _build,
)
