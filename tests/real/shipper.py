"""`clew logstash` on the root logstash.conf, which sends to the real Elasticsearch."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.services.processes import ROOT


class Shipper:
    """
    :param home: the CLEW_HOME whose log files it reads.
    :param elasticsearch_url: with the account to use.
    """

    def __init__(self, home: Path, elasticsearch_url: str) -> None:
        self._environ = {
            "PATH": os.environ["PATH"], "CLEW_HOME": str(home), "ELASTICSEARCH_URL": elasticsearch_url,
        }
        self._log = home / "run" / "shipper.log"
        self._data = home / "positions" / "logstash"
        self.aside = self._data / "aside"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "clew.main", "logstash", "-f", str(ROOT / "logstash.conf")], cwd=ROOT,
                env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def forget(self) -> None:
        """Lose the positions, while it does not run."""
        shutil.rmtree(self._data)

    def said(self) -> str:
        return self._log.read_text("utf-8")

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None
