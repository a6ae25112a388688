"""One Settings from one mapping, every complaint at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from observability import SETTINGS, Settings, SettingsError


def test_all_bad_variables_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(
            {"GATEWAY_PORT": "x", "CALL_TIMEOUT": "soon", "OTEL_TRACES_SAMPLER": "some", "LOG_STDOUT": "maybe",
             "OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318", "LOG_MAX_BYTES": "many"}
        )
    assert len(caught.value.complaints) == 6
    assert "GATEWAY_PORT must be a port, 0 to 65535, not 'x'. Port of the gateway." in str(caught.value)


def test_a_value_that_is_set_to_nothing_is_not_set() -> None:
    assert Settings.from_env({"GATEWAY_PORT": ""}) == Settings()


def test_a_service_brings_its_own_defaults_and_the_environment_wins() -> None:
    assert Settings.from_env({}, service_name="order").service_name == "order"
    assert Settings.from_env({"OTEL_SERVICE_NAME": "o2"}, service_name="order").service_name == "o2"


def test_a_secret_may_come_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key-from-a-file\n")
    read = Settings.from_env({"TOKEN_SECRET_FILE": str(tmp_path / "secret")})
    assert read.token_secret == "key-from-a-file"
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"TOKEN_SECRET_FILE": str(tmp_path / "none"), "OTEL_EXPORTER_OTLP_HEADERS": "hunter2"})
    assert "No such file" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_given_twice_is_a_complaint(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TOKEN_SECRET and TOKEN_SECRET_FILE are both set"):
        Settings.from_env({"TOKEN_SECRET": "a", "TOKEN_SECRET_FILE": str(tmp_path)})


def test_units_are_opentelemetrys_own() -> None:
    read = Settings.from_env(
        {"OTEL_EXPORTER_OTLP_TIMEOUT": "1500", "OTEL_BSP_SCHEDULE_DELAY": "50",
         "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.2,team=a%20b", "LOG_MAX_BYTES": "2MiB"}
    )
    assert (read.otlp_timeout_s, read.export_delay_s) == (1.5, 0.05)
    assert read.resource_attribute("team") == "a b"
    assert read.log_max_bytes == 2 * 1024**2


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().gateway_port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_is() -> None:
    assert len({env for env, _, _ in SETTINGS}) == len(SETTINGS) == len(dataclasses.fields(Settings))
    assert all(text.endswith(".") for _, _, text in SETTINGS)
