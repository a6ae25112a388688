"""The exposition formats: by example, against the official parser, and against garbage."""

from __future__ import annotations

import io
import math
import string
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import generate_latest as generate_classic
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_fd_to_metric_families as official_openmetrics
from prometheus_client.parser import text_fd_to_metric_families as official_classic

from clew.intake.openmetrics import (
    CLASSIC,
    OPENMETRICS,
    Exposition,
    ExpositionParser,
    ParsedExemplar,
    ParsedSample,
    ParseError,
)

BODY = """\
# HELP http_seconds Time in \\"seconds\\",\\nroughly.
# TYPE http_seconds histogram
# UNIT http_seconds seconds
http_seconds_bucket{route="/a",le="1"} 3 # {trace_id="4bf9",span_id="00f0"} 0.5 1795246863.135
http_seconds_bucket{route="/a",le="+Inf"} 4
http_seconds_count{route="/a"} 4
http_seconds_sum{route="/a"} 7.25
# TYPE up gauge
up 1 1795246863.5
# TYPE odd unknown
odd{text="} # {a=\\"1\\"} 2\\\\",} NaN # {} -Inf
# EOF
"""


def parse(body: str | bytes, media_type: str = OPENMETRICS) -> Exposition:
    return ExpositionParser().parse(body.encode() if isinstance(body, str) else body, media_type)


def labels(**pairs: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(pairs.items()))


def test_samples_exemplars_and_metadata_are_read() -> None:
    found = parse(BODY)
    bucket = labels(__name__="http_seconds_bucket", route="/a", le="1.0")
    assert found.samples[:5] == [
        ParsedSample(bucket, 3.0, None),
        ParsedSample(labels(__name__="http_seconds_bucket", route="/a", le="+Inf"), 4.0, None),
        ParsedSample(labels(__name__="http_seconds_count", route="/a"), 4.0, None),
        ParsedSample(labels(__name__="http_seconds_sum", route="/a"), 7.25, None),
        ParsedSample(labels(__name__="up"), 1.0, 1795246863500),
    ]
    odd = found.samples[5]
    assert odd.labels == labels(__name__="odd", text='} # {a="1"} 2\\')
    assert math.isnan(odd.value)
    first, second = found.exemplars
    text = '# {trace_id="4bf9",span_id="00f0"} 0.5 1795246863.135'
    assert first == ParsedExemplar(bucket, labels(trace_id="4bf9", span_id="00f0"), 0.5, 1795246863135, text)
    assert (second.series, second.labels, second.value, second.timestamp_ms) == (odd.labels, (), -math.inf, None)
    assert found.metadata["http_seconds"] == ("histogram", 'Time in "seconds",\nroughly.', "seconds")
    assert found.metadata["up"] == ("gauge", "", "")


def test_a_second_body_of_the_same_target_reads_the_same() -> None:
    """Whether a series is known or new makes no difference."""
    parser = ExpositionParser()
    first = parser.parse(BODY.encode(), OPENMETRICS)
    assert repr(parser.parse(BODY.encode(), OPENMETRICS)) == repr(first)
    new = BODY.replace('route="/a"', 'route="/a} b"').replace("odd{", 'odd{x="} ",')
    assert repr(parser.parse(new.encode(), OPENMETRICS)) == repr(parse(new))


def test_labels_are_finished_once_per_series() -> None:
    asked: list[object] = []

    def finish(found: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        asked.append(found)
        return (*found, ("job", "x"))

    parser = ExpositionParser(finish)
    for _ in range(3):
        found = parser.parse(b"a 1\nb 2\n# EOF\n", OPENMETRICS)
    assert [sample.labels for sample in found.samples] == [
        (("__name__", "a"), ("job", "x")),
        (("__name__", "b"), ("job", "x")),
    ]
    assert len(asked) == 2


def test_the_classic_format_may_have_blanks_comments_and_milliseconds() -> None:
    body = """
# a comment
# TYPE a_total counter
a_total { x = "1" , y="2", } 3 1795246863500
\tc{ } 5
\t# HELP
# HELP a_total Counts
#TYPE broken nonsense
b\t 4
# TYPE h histogram
h_bucket{le="1e6"} 1
# TYPE u untyped
"""
    found = parse(body, CLASSIC)
    assert found.samples == [
        ParsedSample(labels(__name__="a_total", x="1", y="2"), 3.0, 1795246863500),
        ParsedSample(labels(__name__="c"), 5.0, None),
        ParsedSample(labels(__name__="b"), 4.0, None),
        ParsedSample(labels(__name__="h_bucket", le="1e+06"), 1.0, None),
    ]
    assert found.metadata == {
        "a_total": ("counter", "Counts", ""),
        "h": ("histogram", "", ""),
        "u": ("unknown", "", ""),
    }


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1", "1.0"), ("0", "0.0"), ("-1", "-1.0"), ("0.005", "0.005"), ("5e-3", "0.005"), ("100000", "100000.0"),
        ("1000000", "1e+06"), ("12345678.5", "1.23456785e+07"), ("0.00001", "1e-05"), ("1e300", "1e+300"),
        ("+Inf", "+Inf"), ("inf", "+Inf"), ("-inf", "-Inf"), ("nan", "NaN"), ("x", "x"), ("", None),
    ],
)  # fmt: skip
def test_bucket_bounds_are_spelled_as_prometheus_stores_them(written: str, stored: str | None) -> None:
    found = parse(f'# TYPE h histogram\nh_bucket{{le="{written}"}} 1\n# EOF\n')
    assert dict(found.samples[0].labels).get("le") == stored


def test_a_bound_is_only_respelled_on_histograms_and_summaries() -> None:
    found = parse('# TYPE s summary\ns{quantile="1"} 1\n# TYPE g gauge\ng{le="1",quantile="1"} 1\n# EOF\n')
    assert [sample.labels for sample in found.samples] == [
        labels(__name__="s", quantile="1.0"),
        labels(__name__="g", le="1", quantile="1"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a 1\n",
        "a 1\n# EOF\nb 2\n",
        "a 1\n# EOF\n\n",
        "# EOF\n# EOF\n",
        "\na 1\n# EOF\n",
        "a\n# EOF\n",
        "a \n# EOF\n",
        "a 1 \n# EOF\n",
        "a  1\n# EOF\n",
        "a 1\r\n# EOF\n",
        "a 1 2 3\n# EOF\n",
        "a 1_000\n# EOF\n",
        "a 0x1p3\n# EOF\n",
        "a ١\n# EOF\n",
        "a 1 NaN\n# EOF\n",
        "a 1 1e300\n# EOF\n",
        "1a 1\n# EOF\n",
        'a{b="1" 1\n# EOF\n',
        'a{b=1} 1\n# EOF\n',
        'a{b="1"c="2"} 1\n# EOF\n',
        'a{b="1",b="2"} 1\n# EOF\n',
        'a{__name__="b"} 1\n# EOF\n',
        'a{b="1\\"} 1\n# EOF\n',
        'a{ b="1"} 1\n# EOF\n',
        'a {b="1"} 1\n# EOF\n',
        "a{,} 1\n# EOF\n",
        'a{b="1"}1\n# EOF\n',
        'a 1 # {b="1"}\n# EOF\n',
        'a 1 # {b="1"} \n# EOF\n',
        'a 1 # {b="1"} 1 2 3\n# EOF\n',
        'a 1 # {b="1"} x\n# EOF\n',
        'a 1 # {b="1"} 1 NaN\n# EOF\n',
        "a 1 # x\n# EOF\n",
        "a 1 2 # x\n# EOF\n",
        "# TYPE a nonsense\n# EOF\n",
        "# TYPE a untyped\n# EOF\n",
        "# TYPE a\n# EOF\n",
        "# TYPE 1a gauge\n# EOF\n",
        "# HELP a\n# EOF\n",
        "# UNIT a seconds\n# EOF\n",
        "# a comment\n# EOF\n",
        "#TYPE a gauge\n# EOF\n",
    ],
)
def test_what_breaks_openmetrics_is_refused(body: str) -> None:
    """Each of these fails a scrape of a real Prometheus."""
    with pytest.raises(ParseError, match=r"^line \d+: "):
        parse(body)


@pytest.mark.parametrize(
    "body",
    ["a\n", "a 1 2.5\n", "a 1 -2\n", "a 1 2 3\n", 'a{b="1"\n', "# TYPE a info\n", "{} 1\n", "a 1 # {} 1"],
)
def test_what_breaks_the_classic_format_is_refused(body: str) -> None:
    with pytest.raises(ParseError, match=r"^line 1: "):
        parse(body, CLASSIC)


def test_a_body_that_is_not_utf8_is_refused_by_line() -> None:
    with pytest.raises(ParseError, match="line 2: not UTF-8"):
        parse(b'a 1\nb{c="\xff"} 1\n# EOF\n')


# Against the official parser: whatever a registry exposes.

NAME = st.text(string.ascii_lowercase, min_size=1, max_size=8).map(lambda text: "m_" + text)
LABEL_NAME = st.text(string.ascii_letters, min_size=1, max_size=6).filter(lambda name: name not in ("le", "quantile"))
VALUE = st.floats(allow_subnormal=False)
LABEL_VALUE = st.text(st.characters(codec="utf-8"), max_size=12)
PAIRS = st.dictionaries(LABEL_NAME, LABEL_VALUE, max_size=3)
STAMP = st.none() | st.integers(0, 2_000_000_000).map(float) | st.floats(0, 2e9).map(lambda number: round(number, 3))


@st.composite
def registries(draw: st.DrawFn) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    for name in draw(st.lists(NAME, max_size=5, unique=True)):
        family = Metric(name, draw(LABEL_VALUE).strip(), "unknown")
        seen: set[tuple[tuple[str, str], ...]] = set()
        for pairs in draw(st.lists(PAIRS, max_size=4)):
            if tuple(sorted(pairs.items())) in seen:
                continue
            seen.add(tuple(sorted(pairs.items())))
            family.add_sample(name, pairs, draw(VALUE), timestamp=draw(STAMP))

        class Collector:
            def __init__(self, family: Metric) -> None:
                self.family = family

            def collect(self) -> Iterator[Metric]:
                yield self.family

        registry.register(Collector(family))
    counter = Counter("c", "counts", ["route"], registry=registry)
    histogram = Histogram("h", "takes", ["route"], registry=registry, buckets=(0.005, 1, 10, 1e6))
    for route in draw(st.lists(LABEL_VALUE, max_size=3)):
        counter.labels(route).inc(draw(st.floats(0, 1e12)), exemplar=draw(st.none() | st.just({"trace_id": "ab" * 16})))
        histogram.labels(route).observe(draw(st.floats(0, 1e9)), {"trace_id": "cd" * 16, "span_id": "ef" * 8})
    Gauge("g", "", registry=registry).set(draw(VALUE))
    Summary("s", "", registry=registry).observe(1)
    Info("i", "about", registry=registry).info(draw(PAIRS))
    return registry


def same(ours: float, official: float) -> bool:
    return ours == official or (math.isnan(ours) and math.isnan(official))


def read(official: Callable[[TextIO], Iterable[Metric]], body: bytes) -> list[Metric]:
    return list(official(io.StringIO(body.decode())))


def compare(ours: Exposition, official: list[Metric]) -> None:
    samples = [sample for family in official for sample in family.samples]
    assert len(ours.samples) == len(samples)
    for mine, theirs in zip(ours.samples, samples, strict=True):
        expected = {"__name__": theirs.name, **{name: value for name, value in theirs.labels.items() if value}}
        assert dict(mine.labels) == expected
        assert same(mine.value, float(theirs.value))
        assert mine.timestamp_ms == (None if theirs.timestamp is None else int(float(theirs.timestamp) * 1000))
    with_exemplar = [sample for sample in samples if sample.exemplar is not None]
    assert len(ours.exemplars) == len(with_exemplar)
    for found, sample in zip(ours.exemplars, with_exemplar, strict=True):
        assert sample.exemplar is not None
        assert dict(found.labels) == {name: value for name, value in sample.exemplar.labels.items() if value}
        assert same(found.value, float(sample.exemplar.value))
        stamp = sample.exemplar.timestamp
        assert found.timestamp_ms == (None if stamp is None else int(float(stamp) * 1000))
    for family in official:
        if family.name in ours.metadata:
            kind, text, unit = ours.metadata[family.name]
            assert (kind, text, unit) == (family.type, family.documentation, family.unit)


@pytest.mark.slow
@settings(deadline=None, max_examples=80)
@given(registries())
def test_whatever_a_registry_exposes_reads_like_the_official_parser_reads_it(registry: CollectorRegistry) -> None:
    body: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]
    compare(parse(body), read(official_openmetrics, body))


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(registries())
def test_the_classic_format_reads_like_the_official_parser_reads_it(registry: CollectorRegistry) -> None:
    body = generate_classic(registry)
    compare(parse(body, CLASSIC), read(official_classic, body))


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_body_is_refused_or_read_but_never_worse(data: st.DataObject) -> None:
    """Cut, doubled and changed anywhere: a ParseError, or something that the official parser reads the same way."""
    body = bytearray(BODY.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(body) - 1))
        change = data.draw(st.sampled_from(["cut", "replace", "insert"]))
        if change == "cut":
            del body[position]
        elif change == "replace":
            body[position] = data.draw(st.sampled_from(b'{}",=\\ \n#1ae\xff'))
        else:
            body.insert(position, data.draw(st.sampled_from(b'{}",=\\ \n#1ae\xff')))
    try:
        ours = parse(bytes(body))
    except ParseError:
        return
    try:
        official = read(official_openmetrics, bytes(body))
    except (ValueError, KeyError, IndexError, TypeError):
        return  # stricter than Prometheus itself about what families may look like
    assert len(ours.samples) == sum(len(family.samples) for family in official)
