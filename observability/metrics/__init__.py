"""
Counters, gauges and histograms with exemplars that are right for any number of worker processes, across restarts and
kill -9.

Each process adds to eight-byte lanes of a memory-mapped file of its own; whoever is scraped adds all files up and folds
those of processes that ended into one.
"""

from observability.metrics.exposition import MetricsCollector, exposition
from observability.metrics.instruments import Counter, Gauge, Histogram
from observability.metrics.registry import Metrics
from observability.metrics.series import Exemplar

__all__ = ["Counter", "Exemplar", "Gauge", "Histogram", "Metrics", "MetricsCollector", "exposition"]
