"""The hosting platform's CI runs what a developer runs."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.compose.files import ROOT

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
STEPS = {name: job["steps"] for name, job in WORKFLOW["jobs"].items()}


def commands(job: str) -> str:
    return "\n".join(step.get("run", "") for step in STEPS[job])


def test_every_make_target_that_it_calls_exists() -> None:
    called = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(map(commands, STEPS))))
    assert called == {"test", "test-real", "test-compose", "setup", "env"}
    assert called <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))


def test_every_supported_python_runs_the_tests() -> None:
    assert WORKFLOW["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_the_journey_runs_through_upstream_images() -> None:
    run = commands("compose")
    assert run.index("make env") < run.index("docker compose up --detach") < run.index("-m deploy.smoke")


def test_no_job_runs_without_end_or_may_write() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in WORKFLOW["jobs"].values())


def test_actions_are_the_platform_s_own_and_pinned_to_a_version() -> None:
    used = [step["uses"] for steps in STEPS.values() for step in steps if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)
