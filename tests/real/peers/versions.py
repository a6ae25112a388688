"""
Which version of each peer, and why that one. All pins of the real peers stand here.
"""

from __future__ import annotations

from typing import Final

ELASTICSEARCH: Final = "9.5.3"
"""The version of the image in compose. Maven Central carries the bare server of every release as its integ-test-zip."""

PROMETHEUS: Final = "3.15.0"
PROMETHEUS_MODULE: Final = ("github.com/prometheus/prometheus", "v0.315.0")
"""The version of the image in compose; as a Go module Prometheus 3.x.y is called v0.3xx.y."""
PROMETHEUS_AT_LEAST: Final = (3, 0)
"""One on the PATH must be this new: 2.x reads other range selectors and knows fewer functions."""

ALERTMANAGER: Final = "0.34.2"
ALERTMANAGER_MODULE: Final = ("github.com/prometheus/alertmanager", "v0.34.2")
ALERTMANAGER_AT_LEAST: Final = (0, 27)
"""The first that reads matchers as UTF-8, as the one in compose does."""

JAEGER: Final = "2.13.0"
JAEGER_MODULE: Final = ("github.com/jaegertracing/jaeger", "v1.76.0")
"""
Older than the image in compose: v1.76.0 is the commit of v2.13.0 and the last one that the Go module proxy can serve,
because later releases carry a major version that their module path does not.
"""
JAEGER_AT_LEAST: Final = (2, 13)

GO_AT_LEAST: Final = (1, 26)
"""What the go.mod of Prometheus asks for."""
JAVA_AT_LEAST: Final = 21
"""What Elasticsearch 9 asks for."""
