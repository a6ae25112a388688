"""The vendors' own checkers on our files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.real.peers.providing import Peers
from tests.services.processes import ROOT


def check(*command: object, **environ: str) -> str:
    """What the checker said; an AssertionError if it found something."""
    ran = subprocess.run(
        [str(word) for word in command], cwd=ROOT, env=environ, text=True, capture_output=True, timeout=60
    )
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    return said


def alerts(pattern: str) -> list[Path]:
    found = sorted((ROOT / "alerts").glob(pattern))
    assert found, f"there is no alerts/{pattern}"
    return found


def test_promtool_accepts_prometheus_yml_and_finds_its_rule_files(peers: Peers) -> None:
    said = check(peers.prometheus / "promtool", "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml")
    assert f"SUCCESS: {len(alerts('*.rules.yml'))} rule files found" in said


def test_promtool_accepts_the_rules_without_a_complaint(peers: Peers) -> None:
    check(peers.prometheus / "promtool", "check", "rules", "--lint=all", "--lint-fatal", *alerts("*.rules.yml"))


def test_the_alerts_fire_and_stay_quiet_as_their_tests_say(peers: Peers) -> None:
    check(peers.prometheus / "promtool", "test", "rules", *alerts("*.test.yml"))


def test_amtool_accepts_the_alertmanagers_file(peers: Peers) -> None:
    check(peers.alertmanager / "amtool", "check-config", "deploy/alertmanager.yml")


def test_jaeger_accepts_its_file(peers: Peers) -> None:
    check(peers.jaeger / "jaeger", "validate", "--config", "file:deploy/jaeger.yml", JAEGER_PASSWORD="x")


@pytest.mark.parametrize(
    ("file", "old", "new", "checker"),
    [
        ("prometheus.yml", "scrape_interval:", "scrape_intervall:", ("prometheus", "promtool", "check", "config")),
        ("deploy/alertmanager.yml", "receiver:", "recever:", ("alertmanager", "amtool", "check-config")),
        ("deploy/jaeger.yml", "index_prefix:", "indexprefix:", ("jaeger", "jaeger", "validate", "--config")),
    ],
)
def test_a_checker_bites(
    peers: Peers, tmp_path: Path, file: str, old: str, new: str, checker: tuple[str, ...]
) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert old in text
    broken = tmp_path / Path(file).name
    broken.write_text(text.replace(old, new, 1), "utf-8")
    peer, program, *words = checker
    where = f"file:{broken}" if peer == "jaeger" else broken
    with pytest.raises(AssertionError):
        check(getattr(peers, peer) / program, *words, where, JAEGER_PASSWORD="x")
