"""All peers: each found on this machine, else installed. None is ever skipped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.real import postgres
from tests.real.peers import elasticsearch_files, go_tools, toolchains
from tests.real.peers.cache import Cache, NoPeer, Say
from tests.real.peers.go_tools import GoTool
from tests.real.peers.versions import ELASTICSEARCH

_GO_TOOLS = (go_tools.PROMETHEUS, go_tools.ALERTMANAGER, go_tools.JAEGER)
_ELASTICSEARCH = f"elasticsearch-{ELASTICSEARCH}"


@dataclass(frozen=True)
class Provided:
    """One row of the summary. *took_s*: how long it took to install (seconds), 0 if it was there."""

    name: str
    version: str
    where: Path
    source: str
    took_s: float

    def __str__(self) -> str:
        took = f"installed in {self.took_s:.0f} s" if self.took_s else "was there"
        return f"  {self.name:<14} {self.version:<8} {took:<20} {self.source}\n{'':26}{self.where}"


@dataclass(frozen=True)
class Peers:
    """Where the programs are. *shim* is None where the Elasticsearch is a complete one."""

    elasticsearch: Path
    shim: Path | None
    java_home: Path
    prometheus: Path
    alertmanager: Path
    jaeger: Path
    postgres: Path
    summary: tuple[Provided, ...]


def provide(environ: Mapping[str, str], say: Say) -> Peers:
    """
    Every peer, installed if it has to be.

    :param environ: ``PATH`` and ``ES_HOME`` say what is there already; ``XDG_CACHE_HOME`` where installed ones are.
    :raises NoPeer: one cannot be had. What is needed to install or run them is looked up before anything is built, and
        all that is missing is named at once.
    """
    cache = Cache.of(environ, say)
    _look_for_tools(cache, environ)
    java_home = toolchains.java_home(environ)
    rows: list[Provided] = []
    rows.append(_postgres(cache))
    home = _elasticsearch(cache, environ, rows)
    shim = _shim(cache, home, java_home, rows) if elasticsearch_files.is_bare(home) else None
    prometheus, alertmanager, jaeger = (
        _go_tool(tool, cache, environ, rows) for tool in _GO_TOOLS
    )
    return Peers(home, shim, java_home, prometheus, alertmanager, jaeger, rows[0].where, tuple(rows))


def _look_for_tools(cache: Cache, environ: Mapping[str, str]) -> None:
    path = environ.get("PATH")
    needed: list[Callable[[], object]] = [lambda: toolchains.java_home(environ), toolchains.as_nobody]
    if not environ.get("ES_HOME") and not cache.has(_ELASTICSEARCH):
        needed.append(lambda: toolchains.maven(path))
    if any(not cache.has(tool.directory) and go_tools.on_path(tool, path) is None for tool in _GO_TOOLS):
        needed.append(lambda: toolchains.go(path))
    missing = []
    for look in needed:
        try:
            look()
        except NoPeer as why:
            missing.append(str(why))
    if missing:
        raise NoPeer("\n".join(missing))


def _postgres(cache: Cache) -> Provided:
    began = time.monotonic()
    found = postgres.binaries()
    try:
        where = found or postgres.install(cache.say)
    except postgres.NoPostgres as why:
        raise NoPeer(str(why)) from None
    version = toolchains.version_in(toolchains.output_of([str(where / "postgres"), "--version"]))
    took_s = 0.0 if found else time.monotonic() - began
    return Provided("postgres", ".".join(map(str, version)), where, "this machine's packages", took_s)


def _elasticsearch(cache: Cache, environ: Mapping[str, str], rows: list[Provided]) -> Path:
    if named := environ.get("ES_HOME"):
        home = Path(named).resolve()
        if not (home / "bin" / "elasticsearch").is_file():
            raise NoPeer(f"ES_HOME is {home}, and there is no bin/elasticsearch in it. Correct it or unset it.")
        rows.append(Provided("elasticsearch", "", home, "ES_HOME", 0.0))
        return home
    home, took_s = cache.provide(_ELASTICSEARCH, lambda into: elasticsearch_files.unpack(into, cache, environ))
    rows.append(Provided("elasticsearch", ELASTICSEARCH, home, "Maven Central, integ-test-zip", took_s))
    return home


def _shim(cache: Cache, home: Path, java_home: Path, rows: list[Provided]) -> Path:
    shim, took_s = cache.provide(
        elasticsearch_files.shim_name(), lambda into: elasticsearch_files.compile_shim(into, home, java_home, cache)
    )
    rows.append(Provided("its shim", ELASTICSEARCH, shim, f"tests/real/peers/shim, with {java_home}", took_s))
    return shim


def _go_tool(tool: GoTool, cache: Cache, environ: Mapping[str, str], rows: list[Provided]) -> Path:
    there = go_tools.on_path(tool, environ.get("PATH"))
    if there is not None:
        rows.append(Provided(tool.name, "", there, "the PATH", 0.0))
        return there
    built, took_s = cache.provide(tool.directory, lambda into: go_tools.build(tool, into, cache, environ))
    rows.append(Provided(tool.name, tool.version, built, f"Go module {'@'.join(tool.module)}", took_s))
    return built
