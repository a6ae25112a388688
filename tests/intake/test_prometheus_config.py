"""prometheus.yml: what is read, what is refused, and that each of our own lines counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from clew.intake.durations import duration_s
from clew.intake.prometheus_config import PrometheusConfig, PrometheusConfigError, Target, read_prometheus_config

OURS = (Path(__file__).parents[2] / "prometheus.yml").read_text("utf-8")


def complaints(text: str) -> list[str]:
    with pytest.raises(PrometheusConfigError) as caught:
        read_prometheus_config(text)
    return str(caught.value).splitlines()


def test_our_file_names_services_and_jaeger_as_compose_does() -> None:
    config = read_prometheus_config(OURS)
    assert [(job.name, [target.address for target in job.targets]) for job in config.jobs] == [
        ("gateway", ["gateway:8080"]),
        ("user", ["user:8081"]),
        ("order", ["order:8082"]),
        ("jaeger", ["jaeger:8889"]),
    ]
    assert {(job.interval_s, job.timeout_s, job.metrics_path, job.scheme) for job in config.jobs} == {
        (5.0, 5.0, "/metrics", "http")
    }
    assert config.jobs[0].targets[0].labels == (("instance", "gateway:8080"), ("job", "gateway"))


def without(number: int) -> str:
    lines = OURS.splitlines(keepends=True)
    return "".join(lines[:number] + lines[number + 1 :])


@pytest.mark.parametrize(
    "number",
    [n for n, line in enumerate(OURS.splitlines()) if line.strip() and not line.strip().startswith("#")],
    ids=lambda n: OURS.splitlines()[n].strip(),
)
def test_each_line_of_our_file_has_an_effect(number: int) -> None:
    """Without it the configuration is another one, or none."""
    try:
        changed: PrometheusConfig | None = read_prometheus_config(without(number))
    except PrometheusConfigError:
        changed = None
    assert changed != read_prometheus_config(OURS)


def test_rule_files_and_alertmanagers_are_read_with_their_place() -> None:
    config = read_prometheus_config(OURS)

    assert [pattern.text for pattern in config.rule_files] == ["alerts/*.rules.yml"]
    (pattern,) = config.rule_files
    assert OURS.splitlines()[pattern.line - 1][pattern.column - 1 :] == "alerts/*.rules.yml"
    assert config.alertmanagers == ("alertmanager:9093",)


def test_defaults_are_prometheus_own() -> None:
    config = read_prometheus_config("scrape_configs: [{job_name: a, static_configs: [{targets: ['b:1']}]}]")
    assert (config.scrape_interval_s, config.scrape_timeout_s, config.evaluation_interval_s) == (60, 10, 60)
    (job,) = config.jobs
    assert (job.interval_s, job.timeout_s, job.metrics_path, job.scheme, job.honor_labels) == (
        60, 10, "/metrics", "http", False,
    )  # fmt: skip


def test_an_empty_file_scrapes_nothing() -> None:
    assert read_prometheus_config("").jobs == ()
    assert read_prometheus_config("# nothing yet\nscrape_configs:\n").jobs == ()


def test_a_job_overrides_what_is_global() -> None:
    config = read_prometheus_config(
        """
global: {scrape_interval: 30s, scrape_timeout: 20s, evaluation_interval: 1m30s, external_labels: {site: here}}
scrape_configs:
  - {job_name: as_global}
  - {job_name: own, scrape_interval: 1m, scrape_timeout: 2s, metrics_path: /m, scheme: https, honor_labels: true}
  - {job_name: quick, scrape_interval: 5s}
"""
    )
    assert [(job.interval_s, job.timeout_s) for job in config.jobs] == [(30, 20), (60, 2), (5, 5)]
    own = config.jobs[1]
    assert (own.metrics_path, own.scheme, own.honor_labels) == ("/m", "https", True)
    assert config.evaluation_interval_s == 90
    assert config.external_labels == (("site", "here"),)


def test_labels_of_a_group_come_on_top_and_may_replace_job_and_instance() -> None:
    config = read_prometheus_config(
        "scrape_configs: [{job_name: a, static_configs: [{targets: ['b:1'], labels: {instance: x, tier: 1}}]}]"
    )
    assert config.jobs[0].targets == (Target("b:1", (("instance", "x"), ("job", "a"), ("tier", "1"))),)


def test_what_is_not_supported_is_named_with_its_place_and_what_is() -> None:
    assert complaints("scrape_configs:\n  - job_name: a\n    relabel_configs: []\n") == [
        "prometheus.yml:3:5: the embedded stack does not support 'relabel_configs' (yet); supported in a scrape "
        "configuration: job_name, scrape_interval, scrape_timeout, metrics_path, scheme, honor_labels, static_configs"
    ]


def test_a_slip_of_the_pen_is_told_from_an_unsupported_key() -> None:
    assert complaints("global:\n  scrape_intervall: 5s\n") == [
        "prometheus.yml:2:3: global has no 'scrape_intervall'; did you mean 'scrape_interval'?"
    ]


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
global:
  scrape_timeout: 2m
  scrape_timeout: 1m
  evaluation_interval: soon
  external_labels: {2x: y, __a: b, c: {}}
rule_files: [a, 'b/*/c', {}]
alerting: {alert_relabel_configs: [], alertmanagers: [{static_configs: [{targets: ['http://am']}]}, {timeout: 1s}]}
remote_write: []
scrape_configs:
  - job_name: a
    static_configs: [{targets: ['http://x/y', 'a:1', 'a:1', '']}]
  - job_name: a
    scrape_interval: 0
    honor_labels: "true"
    metrics_path: x
  - scheme: ftp
    static_configs: {}
  - 5
  - [a]: b
    job_name:
"""
    assert complaints(text) == [
        "prometheus.yml:2:19: scrape_timeout is longer than scrape_interval",
        "prometheus.yml:3:3: 'scrape_timeout' stands twice in global",
        "prometheus.yml:4:24: evaluation_interval: 'soon' is not a duration; write it like 500ms, 5s, 1m30s or 1h",
        "prometheus.yml:5:25: '2x' is not a label name: letters, digits and _",
        "prometheus.yml:5:33: the embedded stack does not support the label '__a' (yet)",
        "prometheus.yml:5:39: the label 'c' must be a single value",
        "prometheus.yml:6:17: a rule file may have a * in its last part only, unlike 'b/*/c'",
        "prometheus.yml:6:26: a rule file must be a single value",
        "prometheus.yml:7:12: the embedded stack does not support 'alert_relabel_configs' (yet); supported in "
        "alerting: alertmanagers",
        "prometheus.yml:7:84: a target is host:port, not 'http://am'",
        "prometheus.yml:7:102: the embedded stack does not support 'timeout' (yet); supported in an Alertmanager: "
        "static_configs",
        "prometheus.yml:8:1: the embedded stack does not support 'remote_write' (yet); supported in the file: global, "
        "rule_files, alerting, scrape_configs",
        "prometheus.yml:11:33: a target is host:port, not 'http://x/y'",
        "prometheus.yml:11:54: the target 'a:1' stands twice in the job 'a'",
        "prometheus.yml:11:61: a target needs a value",
        "prometheus.yml:12:5: two scrape configurations are named 'a'; a job needs its own name",
        "prometheus.yml:13:22: scrape_interval is 0, which Prometheus takes for 'not set'; leave the line out",
        "prometheus.yml:14:19: honor_labels must be true or false, not 'true'",
        "prometheus.yml:15:19: metrics_path must start with '/', not 'x'",
        "prometheus.yml:16:5: a scrape configuration needs a job_name",
        "prometheus.yml:16:13: scheme must be http or https, not 'ftp'",
        "prometheus.yml:17:21: static_configs must be a list",
        "prometheus.yml:18:5: a scrape configuration must be a mapping of names to values",
        "prometheus.yml:19:5: a key of a scrape configuration must be a name",
        "prometheus.yml:20:14: job_name needs a value",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("global: [", "prometheus.yml:1:10: not YAML: expected the node content, but found '<stream end>'"),
        ("global:\n\tx: 5s", "prometheus.yml:2:1: not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2\n", "prometheus.yml:2:1: not YAML: but found another document"),
        ("global:\n  x: \x07", "prometheus.yml:2:6: not YAML: special characters are not allowed"),
        ("- a", "prometheus.yml:1:1: the file must be a mapping of names to values"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(text: str, complaint: str) -> None:
    assert complaints(text) == [complaint]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1ms", 0.001), ("5s", 5), ("1m30s", 90), ("1h", 3600), ("1d2h", 93600), ("1w", 604800)],
)
def test_durations_are_read_as_prometheus_reads_them(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "-5s", "5 s", "1s1m", "1.5s", "5S", "1h1h", "٥s", "300y", "1s\n"])
def test_what_prometheus_refuses_as_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; write it like|too long"):
        duration_s(text)
