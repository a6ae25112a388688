"""For every shape of request: one span, one sample, one line, with the status that the client got."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.shapes.observed import Observed
from tests.shapes.shapes import SHAPES, Shape
from tests.shapes.traps import SHAPE_TRAPS
from tests.traps.trap import Trap

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shapes")]
BY_NAME = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


def expected_samples() -> Counter[tuple[str, str, str]]:
    return Counter((shape.label, shape.rule, str(shape.status)) for shape in SHAPES)


@BY_NAME
def test_the_client_gets_the_status_of_the_shape(observed: dict[str, Observed], shape: Shape) -> None:
    """Otherwise the other tests would compare with the wrong thing."""
    assert observed["ours"].wire[shape.name] == shape.status


@BY_NAME
def test_a_request_is_one_span_with_the_status_on_the_wire(observed: dict[str, Observed], shape: Shape) -> None:
    spans = observed["ours"].server_spans(shape)
    assert [span["attributes"]["http.response.status_code"] for span in spans] == [shape.status]
    route = "" if shape.rule == "unmatched" else f" {shape.rule}"
    method = "HTTP" if shape.label == "_OTHER" else shape.method
    assert spans[0]["name"] == method + route
    assert spans[0]["status"] == ("ERROR" if shape.status >= 500 or shape.truncated else "UNSET")
    assert spans[0]["events"] == ["exception"] * shape.events
    assert spans[0]["attributes"].get("clew.truncated", False) is shape.truncated


@BY_NAME
def test_a_request_is_one_line_that_agrees_with_its_span(observed: dict[str, Observed], shape: Shape) -> None:
    lines = observed["ours"].access_lines(shape)
    assert [line["http"]["response"]["status_code"] for line in lines] == [shape.status]
    line, span = lines[0], observed["ours"].server_spans(shape)[0]
    assert line["http"]["route"] == shape.rule
    assert line["event"]["duration"] == span["duration"]
    assert line["event"]["outcome"] == ("failure" if shape.status >= 500 or shape.truncated else "success")
    if shape.error_type:
        assert line["error"]["type"] == span["attributes"]["error.type"] == shape.error_type
    if shape.body_bytes is not None:
        assert line["http"]["response"]["body"]["bytes"] == shape.body_bytes


def test_every_request_is_one_sample_under_its_route(observed: dict[str, Observed]) -> None:
    assert +observed["ours"].samples == expected_samples()


def test_a_sample_lasts_as_long_as_its_span(observed: dict[str, Observed]) -> None:
    ours = observed["ours"]
    for shape in SHAPES:
        key = (shape.label, shape.rule, str(shape.status))
        if expected_samples()[key] == 1:
            assert ours.sums[key] == pytest.approx(ours.server_spans(shape)[0]["duration"] / 1e9, abs=1e-6)


@pytest.mark.parametrize("trap", SHAPE_TRAPS, ids=str)
def test_the_trap_is_closed(observed: dict[str, Observed], trap: Trap[Observed]) -> None:
    trap.check(observed["ours"])


@pytest.mark.parametrize("trap", SHAPE_TRAPS, ids=str)
def test_the_trap_is_open_in_the_tutorials_app(observed: dict[str, Observed], trap: Trap[Observed]) -> None:
    """A test that cannot fail proves nothing."""
    with pytest.raises(AssertionError):
        trap.check(observed["tutorial"])
