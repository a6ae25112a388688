"""The shared files are read before anything starts; what is wrong is said with file, line and column."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clew.stack.config import ConfigError, StackConfig, read_config
from clew.stack.notices import notices
from clew.stack.targets import scraped_here

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
    assert [job.name for job in config.prometheus.jobs] == ["gateway", "user", "order", "jaeger"]
    assert list(config.rules) == ["alerts/services.rules.yml"]


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


RULES = "groups:\n- name: a\n  rules:\n  - {alert: Down, expr: up == 0}\n"


def with_rules(directory: Path, rules: str, pattern: str = "alerts/*.rules.yml") -> Path:
    (directory / "alerts").mkdir()
    (directory / "alerts" / "a.rules.yml").write_text(rules)
    return write(directory, prometheus=PROMETHEUS + f"rule_files: [{pattern}]\n")


def test_rule_files_are_found_from_the_directory_of_the_configuration(tmp_path: Path) -> None:
    config = read_config(with_rules(tmp_path, RULES), {"LOG_DIR": "/l"})

    (group,) = config.rules["alerts/a.rules.yml"]
    assert [rule.name for rule in group.rules] == ["Down"]


def test_what_is_wrong_in_a_rule_file_is_said_with_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^alerts/a\.rules\.yml:4:25: expr: unclosed left parenthesis$"):
        read_config(with_rules(tmp_path, RULES.replace("up == 0", "sum(up")), {"LOG_DIR": "/l"})


@pytest.mark.parametrize("pattern", ["alerts/*.rule.yml", "/etc/alerts/*.yml"])
def test_rule_files_that_are_not_there_are_an_error(tmp_path: Path, pattern: str) -> None:
    """Prometheus would start, and nobody would ever be woken."""
    with pytest.raises(ConfigError, match=r"^prometheus\.yml:5:14: no rule file .*; paths are read from there$"):
        read_config(with_rules(tmp_path, RULES, pattern), {"LOG_DIR": "/l"})


def test_each_start_says_what_is_left_to_prometheus() -> None:
    config = read_config(ROOT, {"LOG_DIR": "/l"})
    count = sum(len(group.rules) for group in config.rules["alerts/services.rules.yml"])

    assert notices(config) == (
        f"alerts/services.rules.yml: {count} rules checked. Prometheus evaluates them, every 15 s; nothing here does.",
        "prometheus.yml: Prometheus sends alerts to alertmanager:9093; none are sent here.",
        "prometheus.yml: jaeger:8889 of the job jaeger is not scraped here. Jaeger makes these series of spans, and "
        "none runs here; the spans themselves are on /traces.",
    )


def test_a_target_of_the_real_stack_alone_is_not_scraped_and_so_never_down() -> None:
    config = read_config(ROOT, {"LOG_DIR": "/l"}).prometheus

    addresses = [target.address for job in scraped_here(config).jobs for target in job.targets]
    assert addresses == ["gateway:8080", "user:8081", "order:8082"]


def seen(config: StackConfig) -> object:
    """What a person can tell two configurations by: what is said at the start, and what is scraped how."""
    return notices(config), scraped_here(config.prometheus).jobs


OUR_LINES = (ROOT / "prometheus.yml").read_text("utf-8").splitlines(keepends=True)


@pytest.mark.parametrize(
    "number",
    [n for n, line in enumerate(OUR_LINES) if line.strip() and not line.strip().startswith("#")],
    ids=lambda n: OUR_LINES[n].strip(),
)
def test_a_line_taken_out_of_prometheus_yml_is_noticed(tmp_path: Path, number: int) -> None:
    write(tmp_path, prometheus="".join(OUR_LINES[:number] + OUR_LINES[number + 1 :]))
    shutil.copytree(ROOT / "alerts", tmp_path / "alerts")
    try:
        without: object = seen(read_config(tmp_path, {"LOG_DIR": "/l"}))
    except ConfigError:
        without = "refused"
    write(tmp_path, prometheus="".join(OUR_LINES))

    assert without != seen(read_config(tmp_path, {"LOG_DIR": "/l"}))
