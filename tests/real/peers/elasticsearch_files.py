"""The files of an Elasticsearch: Maven Central's bare server, and the shim that gives it the doors it lacks."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.real.peers import toolchains
from tests.real.peers.cache import Cache, NoPeer
from tests.real.peers.versions import ELASTICSEARCH, JAVA_AT_LEAST

HERE = Path(__file__).resolve().parent
_SHIM = HERE / "shim"
PLUGIN = "clew-testing-shim"


def unpack(into: Path, cache: Cache, environ: Mapping[str, str]) -> None:
    """Elasticsearch from Maven Central, its files straight in the directory *into*. :raises NoPeer: it cannot be."""
    maven = toolchains.maven(environ.get("PATH"))
    cache.say(f"elasticsearch {ELASTICSEARCH}: fetching it from Maven Central (132 MB)")
    work = into / "maven"  # Maven leaves its marks beside the pom, which is why it gets a copy
    work.mkdir()
    shutil.copy(HERE / "elasticsearch.pom.xml", work)
    _run([
        maven, "--quiet", "--batch-mode", f"-Dmaven.repo.local={cache.path / 'maven'}", "-f",
        str(work / "elasticsearch.pom.xml"), f"-Dwanted={ELASTICSEARCH}", f"-Dinto={work / 'unpacked'}", "package",
    ])
    for part in (work / "unpacked" / f"elasticsearch-{ELASTICSEARCH}").iterdir():
        part.rename(into / part.name)
    shutil.rmtree(work)


def is_bare(home: Path) -> bool:
    """Whether the server in *home* lacks what the shim brings; a complete distribution has it and refuses the shim."""
    return not (home / "modules" / "rest-root").is_dir()


def shim_name() -> str:
    """Another name for each state of its source, so that a change is compiled."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_SHIM.rglob("*")) if path.is_file()))
    return f"elasticsearch-shim-{ELASTICSEARCH}-{digest.hexdigest()[:12]}"


def compile_shim(into: Path, home: Path, java_home: Path, cache: Cache) -> None:
    """
    Compile the plugin against the server in *home*. :raises NoPeer: it does not compile.

    Its doors are those of modules that Elastic does not publish (`GET /`, `_ilm/policy`, three text filters of the
    security index). Parsing and validating what comes through is Elasticsearch's own code.
    """
    cache.say("elasticsearch: compiling the shim for what the bare server lacks")
    classes = into / "classes"
    _run([
        str(java_home / "bin" / "javac"), "--release", str(JAVA_AT_LEAST), "-nowarn",
        "-cp", f"{home}/lib/*:{home}/modules/x-pack-core/*", "-d", str(classes),
        *(str(path) for path in sorted(_SHIM.rglob("*.java"))),
    ])
    _run([str(java_home / "bin" / "jar"), "--create", "--file", str(into / "shim.jar"), "-C", str(classes), "."])
    shutil.rmtree(classes)
    shutil.copy(_SHIM / "plugin-descriptor.properties", into)


def _run(command: list[str]) -> None:
    ran = subprocess.run(["nice", *command], text=True, capture_output=True, timeout=20 * 60)
    if ran.returncode:
        raise NoPeer(f"{' '.join(command)} failed:\n{(ran.stdout + ran.stderr)[-2000:]}\nRun make test-real again.")
