"""
What a scraper reads: all processes' metrics as OpenMetrics or as Prometheus' older text, as the scraper asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, Exemplar, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from observability.metrics.exact import total
from observability.metrics.layout import Slot
from observability.metrics.merge import Family, Identity, merge
from observability.metrics.names import sample_names
from observability.metrics.processes import process_metrics
from observability.metrics.registry import Metrics

_TRACE_ID_SIZE = 16


def exposition(metrics: Metrics, accept: str, extra: CollectorRegistry | None = None) -> tuple[bytes, str]:
    """
    The body and its content type, chosen by the request's ``Accept`` header: OpenMetrics 1.0 (with exemplars) if it is
    asked for, else Prometheus' text format 0.0.4.

    :param extra: a registry of prometheus_client's own, of this process only. Its metrics follow ours; one that would
        use a name of ours is left out, with a warning.
    """
    collector = MetricsCollector(metrics)
    registry: Collector = collector if extra is None else _Both(collector, extra, metrics.warnings)
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:  # a version such as 1.x, which prometheus_client cannot compare
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class MetricsCollector(Collector):
    """
    A collector for any registry of prometheus_client: every metric of every process, and ``process_*``.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        instruments = self._metrics.instruments()
        contents = self._metrics.contents()
        families = merge(contents, [instrument.definition for instrument in instruments])
        for instrument in instruments:
            definition = instrument.definition
            family = families[definition.kind, definition.name, definition.labels]
            for series in instrument.known():
                family.tally(series.values)
        yield from self._without_conflicts(families)
        yield from process_metrics(contents)
        yield GaugeMetricFamily(
            "telemetry_private_series",
            "Series that only this process can show, because METRICS_DIR has no room for them",
            value=self._metrics.private_series,
        )

    def _without_conflicts(self, families: dict[Identity, Family]) -> Iterator[Metric]:
        """Two releases that share the directory may mean different things by one name: this process's meaning wins."""
        claimed: set[str] = set()
        metrics: list[Metric] = []
        for family in families.values():
            definition = family.definition
            wanted = sample_names(definition.kind, definition.name)
            if claimed & wanted:
                self._metrics.warnings(
                    f"{definition.name} is not exported as a {definition.kind} with the labels {definition.labels}: "
                    "another definition of that name came first. Rename one of them, or empty METRICS_DIR."
                )
                continue
            claimed |= wanted
            metrics.append(_metric(family))
        yield from sorted(metrics, key=lambda metric: metric.name)


def _metric(family: Family) -> Metric:
    definition = family.definition
    series = sorted(family.series.items())
    if definition.kind == "counter":
        counter = CounterMetricFamily(definition.name, definition.help, labels=definition.labels)
        for values, tally in series:
            counter.add_metric(values, total(tally.parts))
        return counter
    if definition.kind == "gauge":
        gauge = GaugeMetricFamily(definition.name, definition.help, labels=definition.labels)
        for values, tally in series:
            gauge.add_metric(values, total(tally.parts))
        return gauge
    histogram = HistogramMetricFamily(definition.name, definition.help, labels=definition.labels)
    bounds = [*map(floatToGoString, definition.buckets), "+Inf"]
    for values, tally in series:
        so_far = 0
        buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        for bound, count, slot in zip(bounds, tally.counts, tally.exemplars, strict=True):
            so_far += count
            buckets.append((bound, so_far, _exemplar(slot)) if slot else (bound, so_far))
        histogram.add_metric(values, buckets, total(tally.parts))
    return histogram


def _exemplar(slot: Slot) -> Exemplar:
    ids = {"trace_id": slot.ids[:_TRACE_ID_SIZE].hex(), "span_id": slot.ids[_TRACE_ID_SIZE:].hex()}
    return Exemplar(ids, slot.value, slot.timestamp)


class _Both(Collector):
    """
    Our metrics, then those of a registry whose names do not collide with them.
    """

    def __init__(self, first: Collector, second: CollectorRegistry, warn: Callable[[str], None]) -> None:
        self._first, self._second, self._warn = first, second, warn

    def collect(self) -> Iterable[Metric]:
        claimed: set[str] = set()
        for metric in self._first.collect():
            claimed |= sample_names(metric.type, metric.name)
            yield metric
        try:
            strangers = list(self._second.collect())
        except Exception as broken:  # noqa: BLE001  foreign code must not cost us our own metrics
            self._warn(f"The metrics of the extra registry are missing: collecting them failed with {broken!r}.")
            return
        for metric in strangers:
            if claimed.isdisjoint(sample_names(metric.type, metric.name)):
                yield metric
            elif not metric.name.startswith("process_"):  # those of one process; ours are of all
                self._warn(f"{metric.name} of the extra registry is not exported: that name is ours.")
