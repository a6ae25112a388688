"""
Counter, Gauge, Histogram: a metric by name, its series by label values.

They may be made before a server forks: each process writes to lanes of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from observability.metrics.layout import Definition
from observability.metrics.series import (
    CounterSeries,
    Exemplar,
    GaugeSeries,
    HistogramSeries,
    Home,
    OverflowCounter,
    OverflowGauge,
    OverflowHistogram,
    Series,
)

S = TypeVar("S", bound=Series)
OTHER = "_OTHER"


class Instrument(Generic[S]):
    """
    A metric. Without labels it is its own only series.

    :param series_limit: label sets beyond it share one series.
    :param clean: takes out of a label's value what must not leave, whenever a value is seen that has no series.
    """

    _kind: type[S]
    _overflow_kind: type[S]

    def __init__(self, home: Home, definition: Definition, series_limit: int, clean: Callable[[str], str]) -> None:
        self.definition = definition
        self._clean = clean
        self._home = home
        self._limit = series_limit
        self._series: dict[tuple[str, ...], S] = {}
        self._overflow: S | None = None
        if not definition.labels:
            self._add(())

    def labels(self, *values: object, **named: object) -> S:
        """
        The series with these label values, by position or by name; the same object each time. It is exported from now
        on. Beyond the limit of series it is the one whose values are all ``_OTHER``. ValueError if one is missing.
        """
        if named:
            values = self._in_order(values, named)
        key = tuple(map(str, values))
        series = self._series.get(key)
        if series is None:
            series = self._add(key)
            self._home.speak()
        return series

    def known(self) -> list[S]:
        """
        The series that this process knows of, updated or not.
        """
        known = list(self._series.values())
        return [*known, self._overflow] if self._overflow is not None else known

    def _in_order(self, values: tuple[object, ...], named: dict[str, object]) -> tuple[object, ...]:
        if values or set(named) != set(self.definition.labels):
            raise ValueError(f"{self.definition.name} has the labels {self.definition.labels}, not {tuple(named)}.")
        return tuple(named[label] for label in self.definition.labels)

    def _add(self, key: tuple[str, ...]) -> S:
        names = self.definition.labels
        if len(key) != len(names):
            raise ValueError(f"{self.definition.name} has the labels {names}, which {len(key)} values do not fit.")
        # Lone surrogates would break the encoder at every scrape from now on.
        clean = tuple(self._clean(value).encode("utf-8", "replace").decode() for value in key)
        with self._home.lock:
            series = self._series.get(clean)
            if series is None:
                if len(self._series) >= self._limit:
                    return self._overflowing()
                series = self._series.setdefault(clean, self._kind(self._home, self.definition, clean))
                self._home.adopt(series)
            return series

    def _overflowing(self) -> S:
        if self._overflow is None:
            other = (OTHER,) * len(self.definition.labels)
            self._overflow = self._overflow_kind(self._home, self.definition, other)
            self._home.adopt(self._overflow)
        return self._overflow

    @property
    def _only(self) -> S:
        try:
            return self._series[()]
        except KeyError:
            raise ValueError(
                f"{self.definition.name} has the labels {self.definition.labels}: call .labels(...) first."
            ) from None


class Counter(Instrument[CounterSeries]):
    """
    What only goes up.
    """

    _kind = CounterSeries
    _overflow_kind = OverflowCounter

    def inc(self, amount: float = 1.0) -> None:
        """See `CounterSeries.inc`."""
        self._only.inc(amount)


class Gauge(Instrument[GaugeSeries]):
    """
    What goes up and down. Only live processes count; how they add up is the definition's *merge*.
    """

    _kind = GaugeSeries
    _overflow_kind = OverflowGauge

    def set(self, value: float) -> None:
        self._only.set(value)

    def inc(self, amount: float = 1.0) -> None:
        self._only.inc(amount)

    def dec(self, amount: float = 1.0) -> None:
        self._only.dec(amount)


class Histogram(Instrument[HistogramSeries]):
    """
    How many observations fell into which bucket, their sum, and a recent request for each bucket.
    """

    _kind = HistogramSeries
    _overflow_kind = OverflowHistogram

    def observe(self, value: float, exemplar: Exemplar | None = None) -> bool:
        """See `HistogramSeries.observe`."""
        return self._only.observe(value, exemplar)
