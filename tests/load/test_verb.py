"""`clew load` as a person meets it."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clew.cli.load_view import line, panel, view
from clew.cli.verb import Context
from clew.load import Glance, Plan
from clew.main import main
from observability import Settings
from tests.load.gateway import Gateway, gateway
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--rps", "100", "--duration", "100ms", "--ramp", "0s", "--seed", "7")


@pytest.fixture
def there() -> Iterator[Gateway]:
    with gateway() as one:
        yield one


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["load", *arguments], {"CLEW_HOME": "no-home"})
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_run_in_which_all_is_expected_is_fine(there: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *QUICK, "--gateway", there.url)

    assert (code, err) == (0, "")
    assert out.startswith(f"100 requests per second for 0.1 s, to {there.url}, seed 7. Ctrl-C ends it.\n")
    assert "seed 7: 0 unexpected answers." in out


def test_an_unexpected_answer_is_exit_code_1_and_in_the_json_result(
    there: Gateway, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    there.before = lambda method, path: 500 if path == "/api/me" else None
    file = tmp_path / "result.json"
    code, out, _ = run(
        capsys, *QUICK, "--gateway", there.url, "--json", str(file), "--journeys", "browse=2,burst=1"
    )
    result = json.loads(file.read_text())

    assert code == 1
    assert "500 instead of 200" in out
    assert (result["seed"], result["journeys"], result["interrupted"]) == (7, {"browse": 2, "burst": 1}, False)
    assert result["unexpected"] == sum(step["statuses"].get("500", 0) for step in result["steps"]) > 0
    assert {answer["request"] for answer in result["answers"]} == {"GET /api/me"}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "http://192.168.1.1:8080", "http://10.0.0.1", "https://127.0.0.1:8080", "http://[::2]/",
        "http://127.0.0.1.example.com", "http://0.0.0.0:8080", "http://user@example.com:80", "127.0.0.1:8080", "http://[",
        "http://127.0.0.1:99999",
    ],
)
def test_only_this_machine_gets_load(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert run(capsys, *QUICK, "--gateway", url) == (
        1, "", f"Load goes to this machine only, to http://127.0.0.1:PORT for example, not to {url}\n"
    )


def test_without_a_stack_the_way_on_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, *QUICK)

    assert code == 1
    assert err.endswith("Start it: clew up. Or name a --gateway.\n")


def test_a_result_that_could_not_be_written_is_said_before_the_run(
    there: Gateway, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = run(capsys, *QUICK, "--gateway", there.url, "--json", str(tmp_path / "no" / "result.json"))

    assert (code, there.asked) == (1, [])
    assert err == f"Cannot write {tmp_path}/no/result.json: No such file or directory.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rps", "0"), ("--rps", "1001"), ("--rps", "fast"), ("--duration", "25h"), ("--duration", "-1s"),
        ("--ramp", "soon"), ("--connections", "0"), ("--connections", "257"), ("--journeys", "browse=x"),
        ("--journeys", "swim=1"), ("--journeys", "browse=0"), ("--seed", "x"),
    ],
)
def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    code, out, err = run(capsys, *arguments)

    assert (code, out) == (2, "")
    assert err


@pytest.mark.slow
def test_ctrl_c_ends_it_with_what_there_is(there: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "clew.main", "load", "--rps", "50", "--gateway", there.url, "--json", str(file)],
        cwd=ROOT, env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    eventually(lambda: len(there.asked) > 30, what="the load is under way")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)

    assert (process.returncode, err) == (130, "")
    assert ": 0 unexpected answers." in out
    assert json.loads(file.read_text())["interrupted"] is True


@pytest.mark.slow
def test_on_a_terminal_the_panel_is_drawn_again_in_its_place(there: Gateway) -> None:
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "clew.main", "load", *QUICK, "--duration", "1.2s", "--gateway", there.url], cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TERM": "xterm"}, stdout=writer, stderr=writer,
    )
    os.close(writer)
    shown = b""
    while True:
        try:
            shown += os.read(reader, 4096)
        except OSError:  # how Linux says that the other side is gone
            break
    os.close(reader)

    assert process.wait(10) == 0
    assert b" per second   " in shown
    assert b"F\x1b[J" in shown
    assert b"0 unexpected answers." in shown


GLANCE = Glance(
    took_s=75.2, requests=12, rate=49.83, in_flight=3, unexpected=2,
    latency_ms={"p50": 8.2, "p95": 21.4, "p99": 40.0, "max": 99.0},
    journeys={"order": {201: 5, 0: 1}, "browse": {200: 6}},
)
PLAN = Plan(seed=7, rps=50, duration_s=600, ramp_s=5, weights={"browse": 1})


def test_the_panel_has_rate_latencies_and_answers_by_journey() -> None:
    assert panel(GLANCE, PLAN, columns=100, colours=False) == [
        "",
        "01:15 of 10:00   49.8 per second   3 in flight   p50 8   p95 21   p99 40 ms",
        "",
        "journey          requests   answers",
        "browse                  6   200 × 6",
        "order                   6   none × 1  201 × 5",
        "",
        "2 unexpected answers",
    ]


def test_the_panel_is_never_wider_than_the_terminal() -> None:
    """A line that wraps would be left behind when the panel is drawn again."""
    assert max(map(len, panel(GLANCE, PLAN, columns=30, colours=False))) == 30
    assert panel(GLANCE, PLAN, columns=100, colours=True)[-1] == "\x1b[31m2 unexpected answers\x1b[0m"


def test_elsewhere_there_is_a_line_now_and_then() -> None:
    out = io.StringIO()
    context = Context(settings=Settings(), environ={}, out=out, err=out)
    show = view(context, PLAN, every_s=5)
    for took_s in (1.0, 4.9, 5.1, 6.0, 11.0, 12.0):
        show(Glance(took_s, 12, 49.83, 3, 2, GLANCE.latency_ms, GLANCE.journeys))

    lines = out.getvalue().splitlines()
    assert [text.split()[0] for text in lines] == ["00:05", "00:11"]
    assert lines[0] == line(Glance(5.1, 12, 49.83, 3, 2, GLANCE.latency_ms, GLANCE.journeys)) == (
        "00:05  49.8 per second, 3 in flight, p50 8 p95 21 p99 40 ms, none × 1  200 × 6  201 × 5, 2 unexpected"
    )
