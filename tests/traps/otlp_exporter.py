"""
How an exporter waits: opentelemetry-exporter-otlp-proto-http 1.45 in short, which is no dependency of this project.

Ten seconds for a batch, connection errors tried again after about 1, 2, 4 … seconds, warnings and errors to the logger.
Measured: with the package a batch processor ends after 6.7 s (refused) or 10.0 s (hanging), with this after 7.0 or 10.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

import requests
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


class OtlpExporter(SpanExporter):
    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/traces"
        self._session = requests.Session()
        self._ending = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        body = encode_spans(spans).SerializeToString()
        headers = {"Content-Type": "application/x-protobuf"}
        end, pause = time.monotonic() + TIMEOUT_S, 1.0
        while True:
            try:
                answer = self._session.post(self._url, body, headers=headers, timeout=end - time.monotonic())
                return SpanExportResult.SUCCESS if answer.ok else SpanExportResult.FAILURE
            except requests.ConnectionError as error:
                if time.monotonic() + pause > end or self._ending.is_set():
                    log.error("Failed to export spans batch due to timeout, max retries or shutdown.")
                    return SpanExportResult.FAILURE
                log.warning("Transient error %s encountered while exporting spans batch, retrying.", error)
                self._ending.wait(pause)
                pause *= 2
            except requests.RequestException as error:
                log.error("Failed to export spans batch: %s", error)
                return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._ending.set()
