"""How peers are found and installed: whole or not at all, once, and refused with what to install."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.real.addresses import prometheus_config
from tests.real.peers import go_tools, toolchains
from tests.real.peers.cache import Cache, NoPeer
from tests.real.peers.providing import provide
from tests.services.processes import ROOT


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", lambda line: None)


def program(path: Path, says: str) -> Path:
    """An executable that says something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def jdk(home: Path, version: str) -> Path:
    program(home / "bin" / "javac", f"javac {version}")
    (home / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return home


def fill(into: Path) -> None:
    (into / "program").write_text("whole")


def test_a_peer_is_made_once(cache: Cache) -> None:
    made: list[Path] = []

    def make(into: Path) -> None:
        made.append(into)
        fill(into)

    first, took_s = cache.provide("peer-1", make)
    again, nothing = cache.provide("peer-1", make)
    assert (first, again) == (cache.path / "peers" / "peer-1",) * 2
    assert (len(made), took_s > 0, nothing) == (1, True, 0.0)


def test_what_was_interrupted_is_not_taken_for_whole_and_made_again(cache: Cache) -> None:
    def fail(into: Path) -> None:
        fill(into)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.provide("peer-1", fail)
    killed = cache.path / "peers" / "peer-1.unfinished-99"  # as SIGKILL leaves it
    killed.mkdir()
    there, _ = cache.provide("peer-1", fill)
    assert [path.name for path in there.iterdir()] == ["program"]
    assert sorted(path.name for path in there.parent.iterdir()) == ["lock", "peer-1"]


def test_a_second_run_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    making, waiting = threading.Event(), threading.Event()
    made: list[str] = []

    def run(name: str) -> Path:
        def make(into: Path) -> None:
            made.append(name)
            making.set()
            assert waiting.wait(10)
            fill(into)

        return Cache(tmp_path, lambda line: waiting.set()).provide("peer-1", make)[0]

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, "first")
        assert making.wait(10)
        second = pool.submit(run, "second")
        assert first.result(20) == second.result(20)
    assert made == ["first"]


@pytest.mark.parametrize(
    ("look", "why"),
    [(toolchains.go, "no go on the PATH. Install Go 1.26"), (toolchains.maven, "no mvn on the PATH. Install it")],
)
def test_a_missing_toolchain_is_named_with_what_to_install(
    tmp_path: Path, look: Callable[[str], str], why: str
) -> None:
    with pytest.raises(NoPeer, match=why):
        look(str(tmp_path))


def test_a_go_that_is_too_old_is_refused(tmp_path: Path) -> None:
    program(tmp_path / "go", "go version go1.25.3 linux/amd64")
    with pytest.raises(NoPeer, match=r"needs Go 1\.26 or later; .*go1\.25\.3"):
        toolchains.go(str(tmp_path))
    assert toolchains.go(str(program(tmp_path / "go", "go version go1.26.8 linux/amd64").parent))


def test_the_first_jdk_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    old, new, newer = (jdk(tmp_path / "jvm" / name, f"{name}.0.1") for name in ("17", "21", "25"))
    places = [str(tmp_path / "jvm")]
    assert toolchains.java_home({"JAVA_HOME": str(new), "PATH": ""}, places) == new
    assert toolchains.java_home({"JAVA_HOME": str(old), "PATH": f"{old}/bin"}, places) == newer
    with pytest.raises(NoPeer, match=f"JDK 21 or later .*found: 17 in {old}"):
        toolchains.java_home({"JAVA_HOME": str(old), "PATH": ""}, [])
    with pytest.raises(NoPeer, match="found: none"):
        toolchains.java_home({"PATH": ""}, [])


@pytest.mark.parametrize(("version", "taken"), [("2.42.0", False), ("3.0.1", True), ("3.15.0", True)])
def test_a_binary_on_the_path_is_taken_if_it_is_new_enough(tmp_path: Path, version: str, taken: bool) -> None:
    program(tmp_path / "prometheus", f"prometheus, version {version} (branch: , revision: unknown)")
    assert go_tools.on_path(go_tools.PROMETHEUS, str(tmp_path)) is None, "promtool is missing"
    program(tmp_path / "promtool", "promtool")
    assert go_tools.on_path(go_tools.PROMETHEUS, str(tmp_path)) == (tmp_path if taken else None)


def test_all_that_is_missing_is_named_at_once_and_before_anything_is_installed(tmp_path: Path) -> None:
    said: list[str] = []
    environ = {"ES_JAVA_HOME": str(jdk(tmp_path / "jdk", "25")), "XDG_CACHE_HOME": str(tmp_path), "PATH": str(tmp_path)}
    with pytest.raises(NoPeer) as missing:
        provide(environ, said.append)
    assert [sentence.split(",")[0] for sentence in str(missing.value).splitlines()] == [
        "Elasticsearch is fetched with Maven", "Prometheus",
    ]
    assert said == []
    assert not (tmp_path / "clew").exists()


def test_an_es_home_without_an_elasticsearch_is_refused(tmp_path: Path) -> None:
    java_home = str(jdk(tmp_path / "jdk", "25"))
    environ = {"ES_HOME": str(tmp_path), "ES_JAVA_HOME": java_home, "XDG_CACHE_HOME": str(tmp_path)}
    environ["PATH"] = os.environ["PATH"]
    with pytest.raises(NoPeer, match="no bin/elasticsearch in it"):
        provide(environ, print)


def test_nothing_but_addresses_is_changed_in_prometheus_yml(tmp_path: Path) -> None:
    ours = yaml.safe_load((ROOT / "prometheus.yml").read_text("utf-8"))
    targets = [
        target for job in (*ours["scrape_configs"], *ours["alerting"]["alertmanagers"])
        for group in job["static_configs"] for target in group["targets"]
    ]
    theirs = yaml.safe_load(prometheus_config(tmp_path, dict.fromkeys(targets, 1)).read_text("utf-8"))
    assert list((tmp_path / "alerts").glob("*.rules.yml"))
    for job in (*theirs["scrape_configs"], *theirs["alerting"]["alertmanagers"]):
        for group in job["static_configs"]:
            assert group["targets"] == ["127.0.0.1:1"]
            group["targets"] = [group.pop("labels", {}).get("instance", "alertmanager:9093")]
    assert theirs == ours
    with pytest.raises(KeyError):
        prometheus_config(tmp_path / "other", {})
