"""Build commands of a Go module from the Go module proxy."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.real.peers import toolchains, versions
from tests.real.peers.cache import Cache, NoPeer

_LONGEST_S = 40 * 60


@dataclass(frozen=True)
class GoTool:
    """
    :param programs: the commands that are built, each from ``./cmd/<program>``.
    :param stamp: the Go variable that `--version` prints; a module's source does not know its own version.
    :param prepare: what its source needs before it can be built.
    """

    name: str
    version: str
    module: tuple[str, str]
    programs: tuple[str, ...]
    stamp: str
    at_least: tuple[int, ...]
    asked_by: tuple[str, ...] = ("--version",)
    tags: tuple[str, ...] = ()
    prepare: Callable[[Path], None] = lambda source: None

    @property
    def directory(self) -> str:
        return f"{self.name}-{self.version}"


def _stub_page(source: Path) -> None:
    """The module has no web page, and does not compile without one."""
    page = source / "ui" / "app" / "dist" / "index.html.gz"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(gzip.compress(b"<!doctype html><title>Alertmanager</title><p>Built without its page."))


_PROMETHEUS_STAMP = "github.com/prometheus/common/version.Version"
PROMETHEUS = GoTool(
    "prometheus", versions.PROMETHEUS, versions.PROMETHEUS_MODULE, ("prometheus", "promtool"),
    f"{_PROMETHEUS_STAMP}={versions.PROMETHEUS}", versions.PROMETHEUS_AT_LEAST,
    tags=("remove_all_sd",),  # half the build: we name our targets, no cloud is asked for them
)
ALERTMANAGER = GoTool(
    "alertmanager", versions.ALERTMANAGER, versions.ALERTMANAGER_MODULE, ("alertmanager", "amtool"),
    f"{_PROMETHEUS_STAMP}={versions.ALERTMANAGER}", versions.ALERTMANAGER_AT_LEAST, prepare=_stub_page,
)
JAEGER = GoTool(
    "jaeger", versions.JAEGER, versions.JAEGER_MODULE, ("jaeger",),
    f"github.com/jaegertracing/jaeger/internal/version.latestVersion=v{versions.JAEGER}", versions.JAEGER_AT_LEAST,
    asked_by=("version",),
)


def on_path(tool: GoTool, path: str | None) -> Path | None:
    """The directory on *path* that has all programs of *tool*, new enough; None if there is none."""
    found = shutil.which(tool.programs[0], path=path)
    if found is None:
        return None
    there = Path(found).parent
    if not all(os.access(there / program, os.X_OK) for program in tool.programs):
        return None
    return there if toolchains.version_in(toolchains.output_of([found, *tool.asked_by])) >= tool.at_least else None


def build(tool: GoTool, into: Path, cache: Cache, environ: Mapping[str, str]) -> None:
    """
    Build the programs of *tool* into the directory *into*.

    The module is copied out of Go's module cache, whose hashes the checksum database vouched for, and built in the
    copy: so its own go.mod, replacements and go.sum hold, and no version of any dependency is chosen here.

    :raises NoPeer: there is no Go, or it fails.
    """
    go = toolchains.go(environ.get("PATH"))
    settings = {
        **environ,
        "GOCACHE": str(cache.path / "go-build"), "GOMODCACHE": str(cache.path / "go-mod"),
        "GOFLAGS": "-buildvcs=false -modcacherw", "GOWORK": "off", "CGO_ENABLED": "0",
    }
    module = "@".join(tool.module)
    cache.say(f"{tool.name} {tool.version}: fetching the Go module {module}")
    fetched = _run([go, "mod", "download", "-json", module], cwd=into, environ=settings, log=into / "fetch.log")
    source = into / "source"
    shutil.copytree(json.loads(fetched)["Dir"], source)
    for directory in (source, *(path for path in source.rglob("*") if path.is_dir())):
        directory.chmod(0o755)
    tool.prepare(source)
    cache.say(f"{tool.name} {tool.version}: building (3 to 10 minutes; see {into.name}/build.log)")
    command = [
        "nice", go, "build", "-trimpath", "-ldflags", f"-s -w -X {tool.stamp}",
        *(("-tags", ",".join(tool.tags)) if tool.tags else ()), "-o", f"{into}/",
        *(f"./cmd/{program}" for program in tool.programs),
    ]
    _run(command, cwd=source, environ=settings, log=into / "build.log")
    shutil.rmtree(source)


def _run(command: list[str], *, cwd: Path, environ: Mapping[str, str], log: Path) -> str:
    with open(log, "wb") as errors:
        ran = subprocess.run(
            command, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=errors, timeout=_LONGEST_S, text=True
        )
    if ran.returncode:
        end = log.read_text("utf-8", "replace")[-1500:]
        raise NoPeer(f"{' '.join(command)} failed:\n{end}\n{ran.stdout[-500:]}\nRun make test-real again to go on.")
    return ran.stdout
