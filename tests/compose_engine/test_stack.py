"""docker-compose.yml on a real engine: what its keys turn out to mean."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from clew.journey import travel
from deploy.env import values
from tests.compose.files import COMPOSE, services
from tests.compose_engine.engine import Engine, Project
from tests.support.waiting import eventually

SERVICES = ("user", "order", "gateway")


def gateway(project: Project) -> str:
    return f"http://127.0.0.1:{values(project.env_file.read_text('utf-8'))['GATEWAY_PORT']}"


def test_every_compose_that_is_here_accepts_the_file(plain: Project) -> None:
    for tool in plain.engine.tools:
        plain.compose("config", "--quiet", tool=tool)


def test_without_passwords_compose_stops_and_names_make_env(engine: Engine, plain: Project, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("", "utf-8")
    empty = Project(engine, plain.name, tmp_path / ".env", ())
    for tool in engine.tools:
        ran = subprocess.run([*empty.command(tool), "config"], capture_output=True, text=True, timeout=60)
        assert ran.returncode != 0
        assert "run make env" in ran.stderr


def test_the_image_brings_no_installer_and_runs_as_nobody_s_user(project: Project) -> None:
    image = values(project.env_file.read_text("utf-8"))["CLEW_IMAGE"]
    assert project.engine.run("inspect", "--format", "{{.Config.User}}", image).strip() == "10001:10001"
    assert not project.engine.works("run", "--rm", image, "python", "-c", "import pip")


def test_an_order_goes_through_all_three_services(project: Project) -> None:
    made = travel(gateway(project))

    def lines() -> bool:
        said = project.execute("logstash", "sh", "-c", "cat /var/log/clew/*.jsonl")
        ours = [line for line in map(json.loads, said.splitlines()) if line.get("trace", {}).get("id") == made.trace_id]
        return {line["service"]["name"] for line in ours} == set(SERVICES)

    eventually(lines, timeout_s=10, interval_s=0.5, what="lines of all three services where Logstash reads them")
    eventually(
        lambda: "POST /v1/traces" in project.compose("logs", "jaeger"), timeout_s=10, interval_s=0.5,
        what="spans sent to Jaeger",
    )


def test_logstash_reads_the_log_files_and_can_change_none(project: Project) -> None:
    """It runs as another user, with the writers' group added by compose."""
    listed = project.execute("logstash", "sh", "-c", "id -u; id -G; cat /var/log/clew/*.jsonl | head -c 1")
    user, groups, first = listed.split("\n")[:3]
    assert (user, first) == ("1000", "{")
    assert "10001" in groups.split()
    with pytest.raises(AssertionError, match="Read-only file system"):
        project.execute("logstash", "touch", "/var/log/clew/x")


def test_a_user_without_the_group_reads_none(project: Project) -> None:
    image = values(project.env_file.read_text("utf-8"))["CLEW_IMAGE"]
    command = ("run", "--rm", "--volume", f"{project.name}_logs:/l:ro", image, "ls", "/l")
    with pytest.raises(AssertionError, match="Permission denied"):
        project.engine.run(command[0], "--user", "1000:1000", *command[1:])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_no_power_and_writes_to_its_volumes_only(project: Project, service: str) -> None:
    lines = project.execute(service, "cat", "/proc/1/status").splitlines()
    said = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert said["Uid"].split() == ["10001"] * 4
    assert said["Gid"].split() == ["10001"] * 4
    assert int(said["CapEff"], 16) == int(said["CapBnd"], 16) == 0
    assert said["NoNewPrivs"] == "1"
    for place in ("/", "/app", "/opt/clew"):
        with pytest.raises(AssertionError, match="Read-only file system"):
            project.execute(service, "touch", f"{place}/x")
    project.execute(service, "touch", "/tmp/x", "/var/lib/clew/x")


def test_memory_and_output_of_every_container_are_bounded(project: Project) -> None:
    for name in services(COMPOSE):
        assert int(project.state(name, ".HostConfig.Memory")) > 0, name
        assert "max-size:10m" in project.state(name, ".HostConfig.LogConfig.Config"), name


def test_ports_listen_on_loopback_only(project: Project) -> None:
    published = 0
    for name in services(COMPOSE):
        for bindings in json.loads(project.state(name, "json .NetworkSettings.Ports")).values():
            for binding in bindings or ():
                assert binding["HostIp"] == "127.0.0.1", (name, binding)
                published += 1
    assert published == 8


def test_the_set_up_asked_for_everything_and_ended(project: Project) -> None:
    assert project.compose("logs", "setup").count(": done") >= 12
    assert [project.state(name, ".State.ExitCode") for name in ("setup", "kibana-setup")] == ["0", "0"]


def test_up_again_changes_nothing_and_lets_the_set_up_run_again(project: Project) -> None:
    before = {name: project.container(name) for name in SERVICES}
    project.compose("up", "--detach")
    assert {name: project.container(name) for name in SERVICES} == before
    eventually(lambda: project.settled("kibana-setup"), timeout_s=60, interval_s=0.5, what="the set-up has run again")


def test_a_service_that_ends_comes_back_and_remembers_what_it_counted(project: Project) -> None:
    def emitted() -> int:
        said = project.execute(
            "order", "python", "-c",
            "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8082/metrics').read().decode())",
        )
        return sum(int(float(line.split()[1])) for line in said.splitlines()
                   if line.startswith("telemetry_emitted_total") and 'signal="logs"' in line)

    travel(gateway(project))
    before, started = emitted(), project.state("order", ".State.StartedAt")
    assert before > 0
    project.execute("order", "python", "-c", "import os, signal; os.kill(1, signal.SIGTERM)")
    eventually(lambda: project.state("order", ".State.StartedAt") != started and project.settled("order"),
               timeout_s=60, interval_s=0.5, what="order is back")
    assert emitted() >= before
    eventually(lambda: project.settled("gateway"), timeout_s=60, interval_s=0.5, what="the gateway is ready again")
    travel(gateway(project))


def test_services_stop_by_themselves_when_asked(project: Project) -> None:
    """137 would be a kill after ten seconds."""
    project.compose("stop", *SERVICES, "postgres")
    assert [project.state(name, ".State.ExitCode") for name in (*SERVICES, "postgres")] == ["0"] * 4
    project.compose("up", "--detach")
    eventually(lambda: all(map(project.settled, SERVICES)), timeout_s=90, interval_s=1, what="all is up again")
