"""What a process has for itself: how it comes to be, and what happens around its beginning and end."""

from __future__ import annotations

import json
import threading
import uuid
from pathlib import Path

from observability import Settings, Telemetry


def lines_in(directory: Path) -> list[dict]:
    return [json.loads(line) for path in sorted(directory.glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_what_is_said_while_the_log_file_is_opened_stands_in_it(tmp_path: Path) -> None:
    """Files too many are deleted and counted; the directory for counters cannot be made; that is a warning."""
    logs = tmp_path / "logs"
    logs.mkdir()
    with (logs / f"shop-{uuid.uuid4()}.jsonl").open("wb") as old:
        old.truncate(2 * 1024**3)
    (tmp_path / "metrics").write_text("a file, not a directory")
    settings = Settings(service_name="shop", log_dir=logs, metrics_dir=tmp_path / "metrics", log_stdout=False)
    telemetry = Telemetry(settings).start()
    try:
        first = threading.Thread(target=lambda: telemetry.log("a.happened", "first"), daemon=True)
        first.start()
        first.join(10)
        assert not first.is_alive()
    finally:
        telemetry.stop()
    warning, line = lines_in(logs)
    assert "Metrics cannot be kept" in warning["message"]
    assert line["message"] == "first"
    assert [warning["event"]["sequence"], line["event"]["sequence"]] == [1, 2]
