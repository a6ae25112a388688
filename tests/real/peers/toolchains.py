"""What is needed to install or run the peers, found on this machine, or refused by name with what to install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.real.peers.cache import NoPeer
from tests.real.peers.versions import GO_AT_LEAST, JAVA_AT_LEAST

_JDK_PLACES = ("/usr/lib/jvm", "/usr/local/lib/jvm", "/opt", "/opt/java", "/Library/Java/JavaVirtualMachines")


def go(path: str | None) -> str:
    """The `go` command. :raises NoPeer: there is none, or it is too old."""
    wanted = ".".join(map(str, GO_AT_LEAST))
    how = f"Install Go {wanted} or later from https://go.dev/dl and put it on the PATH, then run make test-real again."
    found = shutil.which("go", path=path)
    if found is None:
        raise NoPeer(f"Prometheus, Alertmanager and Jaeger are built with Go, and there is no go on the PATH. {how}")
    said = output_of([found, "version"])
    if version_in(said) < GO_AT_LEAST:
        raise NoPeer(f"Prometheus needs Go {wanted} or later; {found} says: {said.strip()}. {how}")
    return found


def java_home(environ: Mapping[str, str], places: Iterable[str] = _JDK_PLACES) -> Path:
    """
    A JDK for Elasticsearch: ES_JAVA_HOME, JAVA_HOME, the one on the PATH, or the newest of the usual *places*.

    :raises NoPeer: none is new enough.
    """
    candidates = [Path(environ[name]) for name in ("ES_JAVA_HOME", "JAVA_HOME") if environ.get(name)]
    on_path = shutil.which("java", path=environ.get("PATH"))
    candidates += [Path(on_path).resolve().parent.parent] if on_path else []
    # macOS has a JDK below Contents/Home of what stands in its directory.
    installed = (found for place in places for found in (*Path(place).glob("*"), *Path(place).glob("*/Contents/Home")))
    seen = {home.resolve(): _java_version(home) for home in (*candidates, *installed)}
    for home in candidates:
        if seen[home.resolve()] >= JAVA_AT_LEAST:
            return home.resolve()
    newest = max(seen, key=lambda home: seen[home], default=None)
    if newest is not None and seen[newest] >= JAVA_AT_LEAST:
        return newest
    known = ", ".join(f"{version} in {home}" for home, version in sorted(seen.items()) if version) or "none"
    raise NoPeer(
        f"Elasticsearch needs a JDK {JAVA_AT_LEAST} or later (with javac); found: {known}. Install one (on Debian 13: "
        f"apt install openjdk-{JAVA_AT_LEAST}-jdk-headless; elsewhere https://adoptium.net) or name it in ES_JAVA_HOME."
    )


def maven(path: str | None) -> str:
    """The `mvn` command. :raises NoPeer: there is none."""
    found = shutil.which("mvn", path=path)
    if found is None:
        raise NoPeer(
            "Elasticsearch is fetched with Maven, and there is no mvn on the PATH. Install it (apt install maven), or "
            "unpack Elasticsearch yourself and name the directory in ES_HOME."
        )
    return found


def as_nobody() -> tuple[str, ...]:
    """
    What to put before a command that refuses to run as root; nothing if we are not root.

    :raises NoPeer: we are, and there is no setpriv.
    """
    if os.geteuid() != 0:
        return ()
    found = shutil.which("setpriv")
    if found is None:
        raise NoPeer(
            "Elasticsearch refuses to run as root, and there is no setpriv to run it as somebody else. Install it "
            "(apt install util-linux), or run make test-real as another user."
        )
    return (found, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


NOBODY = 65534


def version_in(text: str) -> tuple[int, ...]:
    """The first version number in *text*, such as ``(3, 15)``; ``()`` if there is none."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else ()


def output_of(command: list[str], timeout_s: float = 60.0) -> str:
    """Both outputs of a quick command; empty if it cannot be run."""
    try:
        ran = subprocess.run(command, text=True, capture_output=True, timeout=timeout_s)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout + ran.stderr


def _java_version(home: Path) -> int:
    """The major version of the JDK in *home*; 0 if there is no JDK."""
    if not os.access(home / "bin" / "javac", os.X_OK):
        return 0
    try:
        said = (home / "release").read_text("utf-8", "replace")
    except OSError:
        said = output_of([str(home / "bin" / "javac"), "-version"])
    found = re.search(r'(?:JAVA_VERSION="|javac )(\d+)', said)
    return int(found[1]) if found else 0
