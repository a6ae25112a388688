"""Who speaks: the resource of spans."""

from __future__ import annotations

from flask import Flask

from observability import Settings, observe
from observability.testing import capture


def test_a_list_of_attributes_cannot_rename_the_service_or_give_all_workers_one_id() -> None:
    """OTEL_SERVICE_NAME wins over OTEL_RESOURCE_ATTRIBUTES, as OpenTelemetry says; an instance is one process."""
    listed = (("service.name", "other"), ("service.instance.id", "one-for-all"), ("team", "checkout"))
    with capture(Settings(service_name="shop", resource_attributes=listed)) as seen:
        app = observe(Flask("shop"), seen.telemetry)
        app.test_client().get("/")
        told = seen.spans[0].resource.attributes
        assert told["service.name"] == "shop"
        assert told["service.instance.id"] == seen.lines[0]["service"]["node"]["name"] != "one-for-all"
        assert told["team"] == "checkout"
