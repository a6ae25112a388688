"""The image of our services: what goes in, who runs it, how it is asked whether it is ready."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.compose.files import ROOT, uncommented
from tests.compose.server import serving

DOCKERFILE = uncommented((ROOT / "deploy" / "Dockerfile").read_text("utf-8")).replace("\\\n", " ")
READY = ROOT / "deploy" / "ready.py"


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name}\s+(.*)$", DOCKERFILE, re.M)


def test_it_is_built_on_the_python_that_env_names_and_on_nothing_else() -> None:
    assert instructions("FROM") == ["${PYTHON_IMAGE} AS libraries", "${PYTHON_IMAGE}"]
    assert instructions("ARG") == ["PYTHON_IMAGE"]


def test_libraries_come_from_the_hashed_lock_before_our_code_so_that_they_are_cached() -> None:
    assert "--require-hashes" in DOCKERFILE
    copied = instructions("COPY")
    assert copied[0] == "requirements.lock /tmp/"
    assert "--hash=sha256:" in (ROOT / "requirements.lock").read_text("utf-8")


def test_it_does_not_run_as_root() -> None:
    assert instructions("USER") == ["10001:10001"]


def test_everything_that_is_copied_exists_and_passes_the_ignore_file() -> None:
    """The ignore file keeps all out and lets in what the Dockerfile copies: no key, no .env, no .git by accident."""
    ignored = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert ignored[0] == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {source.split()[0] for source in instructions("COPY") if not source.startswith("--from")}
    assert let_in == copied
    assert all((ROOT / source).exists() for source in copied)


def test_the_health_check_is_python_and_waits_for_ready() -> None:
    (check,) = instructions("HEALTHCHECK")
    assert check.endswith('CMD ["python", "-I", "deploy/ready.py"]')
    assert "--interval=5s" in check
    assert "READY_URL=http://127.0.0.1:8080/readyz" in DOCKERFILE
    assert not re.search(r"\b(curl|wget|apt-get)\b", DOCKERFILE)


def ask(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(READY)], env={"READY_URL": url}, capture_output=True, text=True, timeout=30
    )


@pytest.mark.slow
def test_ready_is_exit_code_0_and_anything_else_says_why() -> None:
    with serving() as server:
        url = f"{server.url}/readyz"
        ready = ask(url)
        assert (ready.returncode, ready.stderr, server.asked[0].path) == (0, "", "/readyz")
        server.status, server.answer = 503, b'{"status": "not ready"}'
        refused = ask(url)
        assert (refused.returncode, refused.stderr) == (1, f'{url} answered 503: {{"status": "not ready"}}\n')
    gone = ask(url)
    assert gone.returncode == 1
    assert gone.stderr.startswith(f"{url} gave no answer: ")


def test_postgres_runs_the_databases_script_instead_of_reading_it_into_its_own() -> None:
    """Its start-up script sources what is not executable, and `set -u` would then end that."""
    assert os.access(ROOT / "deploy" / "postgres" / "databases.sh", os.X_OK)
