"""The shapes of request that the packages tell wrongly or not at all: each a trap, checked on what was observed."""

from __future__ import annotations

from collections.abc import Callable

from tests.shapes.observed import Observed
from tests.shapes.shapes import NAMED
from tests.traps.trap import Trap


def told_once(name: str) -> Callable[[Observed], None]:
    """A check: one span, one line, one sample, each with the status that the client got."""

    def check(seen: Observed) -> None:
        shape = NAMED[name]
        assert seen.wire[name] == shape.status
        assert seen.span_statuses(shape) == [shape.status]
        assert seen.line_statuses(shape) == [shape.status]
        assert seen.samples_of(shape) >= 1

    return check


def an_untrusted_host_is_refused(seen: Observed) -> None:
    assert seen.wire["host that is not trusted"] == 400
    told_once("host that is not trusted")(seen)


def half_a_stream_is_a_failure(seen: Observed) -> None:
    told_once("stream breaks half-way")(seen)
    (span,) = seen.server_spans(NAMED["stream breaks half-way"])
    assert span["status"] == "ERROR"
    assert span["events"] == ["exception"]


def a_client_that_left_is_a_failure(seen: Observed) -> None:
    told_once("client goes away")(seen)
    (span,) = seen.server_spans(NAMED["client goes away"])
    assert span["status"] == "ERROR"


def a_handled_exception_is_an_event(seen: Observed) -> None:
    for name in ("a handler answers", "blueprint's handler"):
        (span,) = seen.server_spans(NAMED[name])
        assert span["events"] == ["exception"]


def names_are_bounded(seen: Observed) -> None:
    for name in ("unknown path", "unknown path, 3,000 characters"):
        (span,) = seen.server_spans(NAMED[name])
        assert span["name"] == "GET"


def methods_are_bounded(seen: Observed) -> None:
    assert {method for method, _, _ in seen.samples} <= {"GET", "HEAD", "OPTIONS", "POST", "DELETE", "_OTHER"}


def a_nested_call_is_no_traffic(seen: Observed) -> None:
    sent = sum(1 for shape in NAMED.values() if (shape.label, shape.rule, shape.status) == ("GET", "/ok", 200))
    assert seen.samples["GET", "/ok", "200"] == sent


def conventions_are_stable(seen: Observed) -> None:
    (span,) = seen.server_spans(NAMED["plain"])
    assert {"http.request.method", "http.response.status_code", "url.path", "url.scheme"} <= span["attributes"].keys()
    assert not {"http.method", "http.status_code", "http.target", "net.host.name"} & span["attributes"].keys()


def a_failing_stream_has_one_access_line(seen: Observed) -> None:
    shape = NAMED["stream raises before its first byte"]
    lines = seen.server_access[shape.name] or seen.line_statuses(shape)
    assert lines == [shape.status]


SHAPE_TRAPS: tuple[Trap[Observed], ...] = (
    Trap(
        name="middleware-answers",
        wrong="A middleware answers 403 before Flask: no span, no sample, no line.",
        promise="One of each, with the route `unmatched`.",
        check=told_once("middleware answers"),
    ),
    Trap(
        name="middleware-raises",
        wrong="A middleware raises before Flask: no span, no sample, no line.",
        promise="One of each, with 500 and the exception.",
        check=told_once("middleware raises"),
    ),
    Trap(
        name="session-raises",
        wrong="Opening the session raises, before any `before_request`: no span and no duration.",
        promise="One of each, under the route that would have answered.",
        check=told_once("opening the session raises"),
    ),
    Trap(
        name="older-hook-answers",
        wrong="A `before_request` registered before the instrumentation answers: all that traffic is lost.",
        promise="One of each: what is observed does not depend on the order of registration.",
        check=told_once("an older hook answers"),
    ),
    Trap(
        name="teardown-raises",
        wrong="`teardown_request` raises: the client gets 500, 200 is recorded.",
        promise="The status on the wire is recorded.",
        check=told_once("teardown_request raises"),
    ),
    Trap(
        name="after-request-raises",
        wrong="`after_request` raises: whether anything is recorded depends on the order of registration.",
        promise="One of each, with 500.",
        check=told_once("after_request raises"),
    ),
    Trap(
        name="handler-raises",
        wrong="The handler of last resort raises too: the span has no status, and there is no line.",
        promise="One of each, with 500.",
        check=told_once("the last handler raises"),
    ),
    Trap(
        name="status-replaced",
        wrong="A middleware turns 200 into 503: 200 is recorded.",
        promise="The status on the wire is recorded.",
        check=told_once("middleware replaces the status"),
    ),
    Trap(
        name="stream-raises-first",
        wrong="A stream raises before its first byte: the client gets 500, 200 is recorded.",
        promise="The status on the wire is recorded.",
        check=told_once("stream raises before its first byte"),
    ),
    Trap(
        name="two-access-lines",
        wrong="The same stream makes the server write two access lines, 200 and 500.",
        promise="One line, written when the body was closed.",
        check=a_failing_stream_has_one_access_line,
    ),
    Trap(
        name="stream-breaks",
        wrong="A stream breaks off half-way: a plain 200.",
        promise="200, marked as broken off, a failure with its exception.",
        check=half_a_stream_is_a_failure,
    ),
    Trap(
        name="client-leaves",
        wrong="The client leaves half-way: a plain 200.",
        promise="200, marked as broken off, a failure.",
        check=a_client_that_left_is_a_failure,
    ),
    Trap(
        name="untrusted-host",
        wrong="A `Host` that is not trusted is answered 500 because of the instrumentation, without it 400.",
        promise="400, told once.",
        check=an_untrusted_host_is_refused,
    ),
    Trap(
        name="handled-exceptions",
        wrong="An exception that a handler of the app turns into an answer leaves no event.",
        promise="It is an event of the span.",
        check=a_handled_exception_is_an_event,
    ),
    Trap(
        name="span-names",
        wrong="The span of a 404 is named by its raw path, up to 3,000 characters of it.",
        promise="Named by its method alone.",
        check=names_are_bounded,
    ),
    Trap(
        name="made-up-methods",
        wrong="Every made-up method is a value of the label `method`.",
        promise="They share `_OTHER`; the span has the original.",
        check=methods_are_bounded,
    ),
    Trap(
        name="nested-calls",
        wrong="A view that uses the app's own test client makes traffic.",
        promise="One request is one request.",
        check=a_nested_call_is_no_traffic,
    ),
    Trap(
        name="old-conventions",
        wrong="Attributes have the names that OpenTelemetry gave up (`http.method`), unless a variable says otherwise.",
        promise="The stable HTTP conventions, whatever the environment says.",
        check=conventions_are_stable,
    ),
)
