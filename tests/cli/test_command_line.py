"""The command line from outside: exit codes and sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clew.home import Home
from clew.supervisor import RunLock

pytestmark = pytest.mark.slow

Clew = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def clew(tmp_path: Path) -> Clew:
    """Run one verb in a directory of its own, with a home of its own."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "clew.main", *arguments], cwd=tmp_path, text=True, capture_output=True, timeout=20,
            env={"PATH": os.environ["PATH"], "CLEW_HOME": str(tmp_path / "home"), **environ},
        )

    return run


def test_help_names_an_example(clew: Clew) -> None:
    answer = clew("--help")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "example:\n  clew up" in answer.stdout


IMPORTED = """
import sys
from clew.main import main
sys.argv = ["clew", "--help"]
try:
    main()
finally:
    print(*{name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names, file=sys.stderr)
"""


def test_help_is_quick() -> None:
    """Nothing of anybody else's is imported before a verb needs it."""
    script = f"import sys; sys.path = {sys.path!r}\n{IMPORTED}"
    answer = subprocess.run([sys.executable, "-I", "-S", "-c", script], text=True, capture_output=True, timeout=20)

    assert set(answer.stderr.split()) == {"clew", "observability", "__main__"}


def test_no_verb_shows_the_help_as_wrong_usage(clew: Clew) -> None:
    answer = clew()

    assert (answer.returncode, answer.stdout) == (2, "")
    assert "verbs:" in answer.stderr


def test_an_unknown_verb_is_wrong_usage(clew: Clew) -> None:
    assert clew("upp").returncode == 2


def test_the_version_is_said(clew: Clew) -> None:
    answer = clew("--version")

    assert (answer.returncode, answer.stdout) == (0, "clew 0.1.0\n")


def test_a_setting_that_cannot_be_read_is_wrong_usage_and_all_are_named(clew: Clew) -> None:
    answer = clew("status", GATEWAY_PORT="eighty", LOG_LEVEL="loud")

    assert answer.returncode == 2
    assert [line.split()[0] for line in answer.stderr.splitlines()] == ["LOG_LEVEL", "GATEWAY_PORT"]


def test_status_without_a_stack_says_how_to_start_one(clew: Clew, tmp_path: Path) -> None:
    answer = clew("status")

    assert (answer.returncode, answer.stdout) == (1, f"No stack is running in {tmp_path}/home. Start it: clew up\n")
    assert json.loads(clew("status", "--json").stdout) == {"running": False, "home": f"{tmp_path}/home"}


def test_down_without_a_stack_is_fine(clew: Clew, tmp_path: Path) -> None:
    answer = clew("down")

    assert (answer.returncode, answer.stdout) == (0, f"No stack is running in {tmp_path}/home.\n")
    assert not (tmp_path / "home").exists()


def test_down_purge_deletes_the_home(clew: Clew, tmp_path: Path) -> None:
    Home.at(tmp_path / "home").prepare()
    answer = clew("down", "--purge")

    assert answer.returncode == 0
    assert f"Deleted the state in {tmp_path}/home." in answer.stdout
    assert not (tmp_path / "home").exists()


def test_down_purge_refuses_what_is_no_home(clew: Clew, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    answer = clew("down", "--purge")

    assert answer.returncode == 1
    assert "does not look like a Clew home" in answer.stderr
    assert (tmp_path / "home" / "thesis.tex").exists()


def test_journey_without_a_stack_says_how_to_start_one(clew: Clew) -> None:
    answer = clew("journey")

    assert answer.returncode == 1
    assert answer.stderr.endswith("Start it: clew up\n")


def test_follow_without_a_store_says_how_to_get_one(clew: Clew) -> None:
    answer = clew("follow", "ord_1")

    assert answer.returncode == 1
    assert "`clew up` makes one." in answer.stderr


def test_a_time_to_wait_that_is_no_time_is_wrong_usage(clew: Clew) -> None:
    assert "must be 0 to 3600 seconds" in clew("follow", "ord_1", "--wait", "soon").stderr
    assert clew("follow", "ord_1", "--wait", "-1").returncode == 2


def test_a_bug_is_one_sentence_and_a_file_without_the_environment(clew: Clew, tmp_path: Path) -> None:
    """Never a raw stack trace; and what a bug report carries must not carry secrets."""
    home = Home.at(tmp_path / "home")
    home.prepare()
    broken = {"run_id": "1", "pid": 1, "identity": "", "phase": "up", "started_s": 0, "config_dir": "", "ports": {}}
    (home.run / "state.json").write_text(json.dumps({**broken, "parts": []}))
    lock = RunLock(home.run)
    assert lock.take()
    answer = clew("status", TOKEN_SECRET="hunter2-hunter2")
    lock.release()

    assert (answer.returncode, answer.stdout) == (3, "")
    (details,) = home.path.glob("crash-*.txt")
    assert answer.stderr == f"clew status hit a bug (KeyError). Details: {details}\n"
    text = details.read_text()
    assert "command: clew status" in text
    assert "Traceback" in text
    assert "hunter2" not in text


def test_a_reader_that_has_read_enough_is_no_bug(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "CLEW_HOME": str(tmp_path / "home")}
    reader, writer = os.pipe()
    os.close(reader)
    answer = subprocess.run(
        [sys.executable, "-m", "clew.main", "--help"], stdout=writer, stderr=subprocess.PIPE, env=environ, timeout=20
    )
    os.close(writer)

    assert (answer.returncode, answer.stderr) == (1, b"")
