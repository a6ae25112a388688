"""
Which traces are kept: OpenTelemetry's own samplers, chosen by its own names.
"""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import SpanContext, TraceFlags, TraceState


def sampler(name: str, ratio: float) -> sampling.Sampler:
    """
    The sampler that ``OTEL_TRACES_SAMPLER`` names, with ``OTEL_TRACES_SAMPLER_ARG`` as its *ratio* (0 to 1).
    """
    roots: dict[str, sampling.Sampler] = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "traceidratio": sampling.TraceIdRatioBased(ratio),
    }
    if name in roots:
        return roots[name]
    return sampling.ParentBased(roots[name.removeprefix("parentbased_")])


def decide(
    chosen: sampling.Sampler, trace_id: int, name: str, parent: SpanContext | None, *, trusted: bool
) -> tuple[TraceFlags, TraceState | None]:
    """
    Flags and trace state of a request's span. A caller whose flag is not trusted decides nothing but the trace id.
    """
    context = Context()
    if parent is not None and trusted:
        context = trace.set_span_in_context(trace.NonRecordingSpan(parent), context)
    result = chosen.should_sample(context, trace_id, name, trace.SpanKind.SERVER)
    state = result.trace_state if trusted or parent is None else parent.trace_state
    return flags_of(result), state


def flags_of(result: sampling.SamplingResult) -> TraceFlags:
    sampled = result.decision is sampling.Decision.RECORD_AND_SAMPLE
    return TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
