"""docker-compose.yml keeps its rules, and each rule notices when the file breaks it."""

from __future__ import annotations

import pytest

from tests.compose.files import COMPOSE, OURS, references, services
from tests.compose.rules import RULES

FIVE = "{condition: service_healthy}"

# (rule, part of the file, what somebody might write instead)
MUTATIONS = [
    ("only_keys_that_every_compose_knows", "services:\n", "name: clew\n\nservices:\n"),
    ("only_keys_that_every_compose_knows", "services:\n", "include: [other.yml]\n\nservices:\n"),
    ("only_keys_that_every_compose_knows", "volumes:\n  postgres", "configs:\n  a: {content: b}\nvolumes:\n  postgres"),
    ("only_keys_that_every_compose_knows", "user: {condition: service_healthy}", "user: {condition: service_healthy, "
     "required: false}"),
    ("only_keys_that_every_compose_knows", "    mem_limit: 240m\n", "    mem_limit: 240m\n    develop: {}\n"),
    ("only_keys_that_every_compose_knows", "      start_period: 30s",
     "      start_interval: 1s\n      start_period: 30s"),
    ("every_port_is_on_loopback_and_chosen_in_env", '["127.0.0.1:${GATEWAY_PORT', '["${GATEWAY_PORT'),
    ("every_port_is_on_loopback_and_chosen_in_env", "127.0.0.1:${JAEGER_PORT", "0.0.0.0:${JAEGER_PORT"),
    ("every_port_is_on_loopback_and_chosen_in_env", "127.0.0.1:${GRAFANA_PORT:?run make env}:3000",
     "127.0.0.1:3000:3000"),
    ("every_image_is_chosen_in_env", "${PROMETHEUS_IMAGE:?run make env}", "prom/prometheus:latest"),
    ("no_variable_has_a_default_or_may_be_missing", "${GRAFANA_ADMIN_PASSWORD:?run make env}",
     "${GRAFANA_ADMIN_PASSWORD:-admin}"),
    ("no_variable_has_a_default_or_may_be_missing", "${KIBANA_PORT:?run make env}:5601", "${KIBANA_PORT}:5601"),
    ("no_secret_stands_in_the_file", "ELASTIC_PASSWORD: ${ELASTIC_PASSWORD:?run make env}",
     "ELASTIC_PASSWORD: changeme"),
    ("no_secret_stands_in_the_file", "clew_logstash:${LOGSTASH_PASSWORD:?run make env}@", "clew_logstash:changeme@"),
    ("no_secret_stands_in_the_file", "clew_user:${USER_DB_PASSWORD:?run make env}@", "clew_user:pg${X:?run make env}@"),
    ("every_variable_stands_in_the_example_and_the_other_way_round", "${OTLP_PORT:", "${JAEGER_OTLP_PORT:"),
    ("every_variable_stands_in_the_example_and_the_other_way_round", "TOKEN_SECRET: ${TOKEN_SECRET:?run make env}",
     "OTEL_SDK_DISABLED: 'true'"),
    ("no_container_can_gain_anything", "cap_drop: [ALL]", "cap_drop: [NET_RAW]"),
    ("no_container_can_gain_anything", '["no-new-privileges:true"]', "[]"),
    ("no_container_can_gain_anything", "    user: postgres", "    user: root"),
    ("no_container_can_gain_anything", "    user: postgres", "    privileged: true"),
    ("our_containers_are_not_root_and_write_to_volumes_only", '"10001:10001"', '"0:10001"'),
    ("our_containers_are_not_root_and_write_to_volumes_only", '  user: "10001:10001"\n', ""),
    ("our_containers_are_not_root_and_write_to_volumes_only", "read_only: true", "read_only: false"),
    ("memory_is_bounded_and_fits_a_laptop", "    mem_limit: 240m\n", ""),
    ("memory_is_bounded_and_fits_a_laptop", "mem_limit: 1320m", "mem_limit: 2g"),
    ("what_containers_print_and_keep_in_memory_is_bounded", '{max-size: 10m, max-file: "3"}', "{max-size: 10m}"),
    ("what_containers_print_and_keep_in_memory_is_bounded", "    image: ${KIBANA_IMAGE:?run make env}",
     "    image: ${KIBANA_IMAGE:?run make env}\n    logging: {driver: syslog}"),
    ("what_containers_print_and_keep_in_memory_is_bounded", "/tmp:size=16m,mode=1777", "/tmp"),
    ("servers_come_back_and_set_up_ends", "restart: on-failure:5", "restart: on-failure"),
    ("servers_come_back_and_set_up_ends", "restart: unless-stopped", "restart: always"),
    ("metrics_and_notifications_end", "      - --storage.tsdb.retention.time=7d\n", ""),
    ("metrics_and_notifications_end", "retention.size=512MB", "retention.size=0"),
    ("metrics_and_notifications_end", "      - --data.retention=120h\n", ""),
    ("every_server_has_a_health_check_with_a_pace", "http://127.0.0.1:8082/readyz", "http://127.0.0.1:8080/readyz"),
    ("every_server_has_a_health_check_with_a_pace", "  healthcheck: {disable: true}\n", ""),
    ("every_server_has_a_health_check_with_a_pace", "      start_period: 180s\n", ""),
    ("nothing_waits_for_what_cannot_become_true", "setup: {condition: service_completed_successfully}",
     f"setup: {FIVE}"),
    ("nothing_waits_for_what_cannot_become_true", f"postgres: {FIVE}", f"postgresql: {FIVE}"),
    ("what_is_mounted_exists_and_cannot_be_written", "./deploy/logstash.yml:", "./deploy/logstash.yaml:"),
    ("what_is_mounted_exists_and_cannot_be_written", "pipeline/logstash.conf:ro", "pipeline/logstash.conf"),
    ("what_is_mounted_exists_and_cannot_be_written", "  alertmanager: {}\n", ""),
]


@pytest.mark.parametrize("name", RULES)
def test_the_file_keeps_the_rule(name: str) -> None:
    assert list(RULES[name](COMPOSE)) == []


@pytest.mark.parametrize(("name", "written", "instead"), MUTATIONS, ids=lambda value: str(value)[:50])
def test_a_broken_rule_is_noticed(name: str, written: str, instead: str) -> None:
    assert written in COMPOSE
    assert list(RULES[name](COMPOSE.replace(written, instead))) != []


def test_each_rule_is_broken_by_some_mutation() -> None:
    assert {name for name, _, _ in MUTATIONS} == set(RULES)


def test_an_error_names_the_command_that_helps() -> None:
    assert {otherwise for _, otherwise in references(COMPOSE)} == {":?run make env"}


def test_logstash_may_read_what_the_services_write_and_nothing_more() -> None:
    """Files are 0640 and belong to the services' group, which Logstash is given; its mount is read-only."""
    known = services(COMPOSE)
    group = known["gateway"]["user"].partition(":")[2]
    assert known["logstash"]["group_add"] == [group]
    assert "logs:/var/log/clew:ro" in known["logstash"]["volumes"]
    writers = {name for name, service in known.items() if "logs:/var/log/clew" in service.get("volumes", [])}
    assert writers == {"user", "order", "gateway"}


def test_only_the_door_and_what_people_look_at_is_published() -> None:
    published = {name for name, service in services(COMPOSE).items() if "ports" in service}
    assert published == {"gateway", "elasticsearch", "kibana", "prometheus", "alertmanager", "jaeger", "grafana"}


def test_one_service_has_only_its_own_secrets() -> None:
    known = {name: str(service["environment"]) for name, service in services(COMPOSE).items()
             if service["image"] == OURS and not name.endswith("setup")}
    assert {name: {var for var, _ in references(text) if not var.endswith("PORT")} for name, text in known.items()} == {
        "user": {"USER_DB_PASSWORD", "TOKEN_SECRET"},
        "order": {"ORDER_DB_PASSWORD"},
        "gateway": {"TOKEN_SECRET"},
    }
