"""
The checks of deploy/smoke.py on real peers, as far as they go without containers: they pass when all is there, and say
what is missing when it is not. What they leave out needs Elastic's own Elasticsearch, Kibana and Grafana.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from clew.journey import Journey
from deploy import smoke
from tests.real.stage import Stage

WITHOUT_CONTAINERS = [
    smoke.lines_in_elasticsearch, smoke.spans_in_jaeger, smoke.exemplar_in_prometheus,
    smoke.targets_and_alertmanager_of_prometheus, smoke.monitor_tab_of_jaeger,
]


@pytest.fixture(scope="module")
def stack(stage: Stage) -> smoke.Stack:
    return smoke.Stack({
        "GATEWAY_PORT": str(stage.shop.port("gateway")), "ELASTICSEARCH_PORT": str(stage.elasticsearch.port),
        "JAEGER_PORT": str(stage.jaeger.port), "PROMETHEUS_PORT": str(stage.prometheus.port),
        "ELASTIC_PASSWORD": stage.elasticsearch.password,
    })


@pytest.fixture(scope="module")
def made(stack: smoke.Stack) -> Journey:
    return smoke.journey(stack)


@pytest.mark.parametrize("check", WITHOUT_CONTAINERS)
def test_a_check_passes_where_everything_is_there(stack: smoke.Stack, made: Journey, check: smoke.Check) -> None:
    smoke.within(90, lambda: check(stack, made))


@pytest.mark.parametrize("check", WITHOUT_CONTAINERS[:3])
def test_a_check_fails_for_a_trace_that_never_was(stack: smoke.Stack, made: Journey, check: smoke.Check) -> None:
    with pytest.raises(smoke.NotYet):
        smoke.within(0, lambda: check(stack, replace(made, trace_id="f" * 32)))
