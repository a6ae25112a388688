"""deploy/logstash.yml: nothing is lost while Elasticsearch is away, nothing grows without end, nobody else may ask."""

from __future__ import annotations

import re

import yaml

from tests.compose.files import COMPOSE, ROOT, services, uncommented

SETTINGS = yaml.safe_load((ROOT / "deploy" / "logstash.yml").read_text("utf-8"))


def test_lines_wait_on_disk_up_to_a_bound() -> None:
    assert SETTINGS["queue.type"] == "persisted"
    assert re.fullmatch(r"\d+mb", SETTINGS["queue.max_bytes"])
    assert "logstash:/usr/share/logstash/data" in services(COMPOSE)["logstash"]["volumes"]


def test_refused_documents_are_kept_up_to_a_bound_and_an_age() -> None:
    assert SETTINGS["dead_letter_queue.enable"] is True
    assert re.fullmatch(r"\d+mb", SETTINGS["dead_letter_queue.max_bytes"])
    assert SETTINGS["dead_letter_queue.storage_policy"] == "drop_older"
    assert SETTINGS["dead_letter_queue.retain.age"] == "7d"


def test_the_api_answers_inside_the_container_only_and_the_health_check_knows_where() -> None:
    assert SETTINGS["api.http.host"] == "127.0.0.1"
    address = f"http://127.0.0.1:{SETTINGS['api.http.port']}/"
    assert any(part.startswith(address) for part in services(COMPOSE)["logstash"]["healthcheck"]["test"])
    assert SETTINGS["xpack.monitoring.enabled"] is False


def test_fields_are_named_as_the_pipeline_expects() -> None:
    assert SETTINGS["pipeline.ecs_compatibility"] == "v8"


def test_every_variable_of_the_pipeline_is_given_by_compose() -> None:
    conf = (ROOT / "logstash.conf").read_text("utf-8")
    used = set(re.findall(r"\$\{(\w+)", uncommented(conf)))
    assert used == {"LOG_DIR", "ELASTICSEARCH_URL"}
    assert used <= set(services(COMPOSE)["logstash"]["environment"])
