"""The two shared files are read before anything starts; what is wrong is said with file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from clew.stack.config import ConfigError, read_config

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = 'output { elasticsearch { index => "clew-a" } }\n'
LOGSTASH = 'input { file { path => "${LOG_DIR}/*.jsonl" codec => json } }\n' + OUTPUT
PROMETHEUS = "scrape_configs:\n  - job_name: gateway\n    static_configs:\n      - targets: [gateway:8080]\n"


def write(directory: Path, logstash: str = LOGSTASH, prometheus: str = PROMETHEUS) -> Path:
    (directory / "logstash.conf").write_text(logstash)
    (directory / "prometheus.yml").write_text(prometheus)
    return directory


def test_our_own_files_can_be_carried_out() -> None:
    config = read_config(ROOT, {"LOG_DIR": "/var/log/clew"})

    assert [source.paths for source, _ in config.sources] == [("/var/log/clew/*.jsonl",)]
    assert [job.name for job in config.prometheus.jobs] == ["gateway", "user", "order"]


def test_complaints_of_both_files_come_together(tmp_path: Path) -> None:
    wrong = "input { stdin { } }\noutput { elasticsearch { index => 'a' } }\n"
    with pytest.raises(ConfigError) as raised:
        read_config(write(tmp_path, wrong, PROMETHEUS + "    relabel_configs: []\n"), {})

    logstash, prometheus = str(raised.value).splitlines()
    assert logstash.startswith("logstash.conf:1:9: ")
    assert prometheus.startswith("prometheus.yml:5:5: ")


def test_files_that_are_not_there_say_where_they_would_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no logstash\.conf and no prometheus\.yml in .* clew up --config DIR$"):
        read_config(tmp_path, {})


def test_each_of_several_inputs_has_a_pipeline_of_its_own(tmp_path: Path) -> None:
    """A pipeline is fed by one thread, and each input is read by one."""
    two = 'input { file { id => "a" path => "/a/*.log" } file { id => "b" path => "/b/*.log" } }\n'
    sources = read_config(write(tmp_path, two + OUTPUT), {}).sources

    assert [source.id for source, _ in sources] == ["a", "b"]
    assert sources[0][1] is not sources[1][1]


def test_a_file_that_is_not_text_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "prometheus.yml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match=r"prometheus\.yml is not UTF-8\.$"):
        read_config(tmp_path, {"LOG_DIR": "/l"})
