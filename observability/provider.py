"""
The one global tracer provider: it hands every span to the telemetry of the request that is being answered.

OpenTelemetry allows one global provider per process, but a process may hold several observed apps. Which of them a span
belongs to is read from the context's active request, never from the current span, which a view's own span replaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import Link, NoOpTracer, SpanKind, Tracer, TracerProvider
from opentelemetry.util._decorator import _agnosticcontextmanager
from opentelemetry.util.types import Attributes

from observability.context import ACTIVE, active_request

if TYPE_CHECKING:
    from observability.telemetry import Telemetry

_NOOP = NoOpTracer()
_MOST = 128
_LIMITS = SpanLimits(
    max_attributes=_MOST, max_events=_MOST, max_links=_MOST, max_span_attributes=_MOST, max_event_attributes=_MOST,
    max_link_attributes=_MOST, max_attribute_length=SpanLimits.UNSET, max_span_attribute_length=SpanLimits.UNSET,
)
"""OpenTelemetry's defaults. A limit that is not given would be read from the environment."""


class DispatchingProvider(TracerProvider):
    """
    Spans outside of any request go to the telemetry that was started last; without one they are not recorded.
    """

    def __init__(self) -> None:
        self.started: list[Telemetry] = []

    def telemetry(self, context: Context | None = None) -> Telemetry | None:
        active = active_request() if context is None else context.get(ACTIVE)
        if active is not None:
            return active.telemetry  # type: ignore[attr-defined, no-any-return]
        return self.started[-1] if self.started else None

    def get_tracer(
        self, instrumenting_module_name: str, instrumenting_library_version: str | None = None,
        schema_url: str | None = None, attributes: Attributes = None,
    ) -> Tracer:
        return DispatchingTracer(self, instrumenting_module_name, instrumenting_library_version, schema_url)


class FixedProvider(DispatchingProvider):
    """
    Every span goes to one telemetry; made before a fork, it follows the telemetry into the child.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        super().__init__()
        self._telemetry = telemetry

    def telemetry(self, context: Context | None = None) -> Telemetry | None:
        return self._telemetry


class DispatchingTracer(Tracer):
    def __init__(
        self, provider: DispatchingProvider, name: str, version: str | None = None, schema_url: str | None = None
    ) -> None:
        self._provider = provider
        self._scope = (name, version, schema_url)

    def _tracer(self, context: Context | None) -> Tracer:
        telemetry = self._provider.telemetry(context)
        return telemetry.tracer(*self._scope) if telemetry is not None else _NOOP

    def start_span(
        self, name: str, context: Context | None = None, kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None, links: Sequence[Link] | None = None, start_time: int | None = None,
        record_exception: bool = True, set_status_on_exception: bool = True,
    ) -> trace.Span:
        return self._tracer(context).start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )

    @_agnosticcontextmanager
    def start_as_current_span(
        self, name: str, context: Context | None = None, kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None, links: Sequence[Link] | None = None, start_time: int | None = None,
        record_exception: bool = True, set_status_on_exception: bool = True, end_on_exit: bool = True,
    ) -> Iterator[trace.Span]:
        with self._tracer(context).start_as_current_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception, end_on_exit
        ) as span:
            yield span


class HandOver(SpanProcessor):
    """
    Gives every sampled span that ended to *receive*: no queue and no thread of its own.
    """

    def __init__(self, receive: Any) -> None:
        self._receive = receive

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do: a span counts when it ends."""

    def on_end(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is not None and context.trace_flags.sampled:
            self._receive(span)


class SdkProvider(sdk.TracerProvider):
    """
    The SDK's provider, which makes the spans that code starts itself.
    """

    def _handle_fork(self) -> None:
        """
        Nothing: a forked child gets a provider of its own (`Telemetry.forget_process`). The SDK would ask its detectors
        in a thread pool, in the middle of the fork, and wait for ever where `concurrent.futures.thread` was imported
        after this provider was made: that module's lock is then still held by its own hook.
        """


def sdk_provider(
    sampler: Sampler, resource: Resource, ids: IdGenerator, processor: SpanProcessor
) -> sdk.TracerProvider:
    """
    One for one process. Nothing of it comes from the environment.
    """
    provider = SdkProvider(
        sampler=sampler, resource=resource, id_generator=ids, span_limits=_LIMITS, shutdown_on_exit=False,
        meter_provider=NoOpMeterProvider(),
    )
    provider._disabled = False  # OTEL_SDK_DISABLED, the one thing that cannot be given: `Telemetry.enabled` decides
    provider.add_span_processor(processor)
    return provider
