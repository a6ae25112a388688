"""A `file` input of logstash.conf has its options' effects: the real pipeline, the real tail, a real store."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest

from clew.intake.aside import Aside
from clew.intake.file_input import log_intake_of
from clew.intake.logs import LogIntake
from clew.pipeline import compile_pipeline
from clew.store import LogFilter, Stores
from clew.store.memory import memory_stores

ROOT = Path(__file__).parents[2]
NEVER = threading.Event()

OUTPUT = 'output { elasticsearch { index => "clew-logs-%{+YYYY.MM.dd}" document_id => "%{[n]}" } }'


@pytest.fixture
def stores() -> Stores:
    return memory_stores()


def intake(folder: Path, stores: Stores, text: str) -> LogIntake:
    pipeline = compile_pipeline(text, filename="logstash.conf", environment={"LOG_DIR": str(folder)})
    (source,) = pipeline.inputs
    return log_intake_of(
        source, pipeline, stores.logs, Aside(folder / "aside"), positions_dir=folder / "positions", host="laptop"
    )


def drained(log_intake: LogIntake) -> None:
    while log_intake.step(NEVER):
        continue


def numbers(stores: Stores) -> list[str]:
    return sorted(line.id for line in stores.logs.select(LogFilter()))


def test_our_file_stores_a_line_under_its_own_id_in_the_index_of_its_day(tmp_path: Path, stores: Stores) -> None:
    line = {
        "@timestamp": "2026-11-21T08:41:03.135065Z",
        "message": "Order placed.",
        "event": {"id": "9f-17", "sequence": 17},
        "service": {"name": "order"},
    }
    (tmp_path / "order-9f.jsonl").write_text(json.dumps(line) + "\nnot json\n\n")
    log_intake = intake(tmp_path, stores, (ROOT / "logstash.conf").read_text("utf-8"))
    drained(log_intake)
    stored = {entry.index.rpartition("-")[0]: entry for entry in stores.logs.select(LogFilter())}
    assert stored["clew-logs"].id == "9f-17"
    assert stored["clew-logs"].index == "clew-logs-2026.11.21"
    assert stored["clew-logs"].timestamp_ns == 1_795_250_463_135_065_000
    assert stored["clew-logs"].get("service.name") == "order"
    assert stored["clew-malformed"].get("message") == "not json"
    assert log_intake.status().counts["dropped:empty_line"] == 1


def test_where_a_file_is_begun_is_the_configurations_choice(tmp_path: Path, stores: Stores) -> None:
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n')
    drained(intake(tmp_path, stores, f'input {{ file {{ path => "${{LOG_DIR}}/*.jsonl" codec => json }} }} {OUTPUT}'))
    assert numbers(stores) == []
    beginning = f'input {{ file {{ path => "${{LOG_DIR}}/*" codec => json start_position => "beginning" }} }} {OUTPUT}'
    shutil.rmtree(tmp_path / "positions")
    drained(intake(tmp_path, stores, beginning))
    assert numbers(stores) == ["1"]


def test_exclude_delimiter_and_positions_are_taken_from_the_configuration(tmp_path: Path, stores: Stores) -> None:
    (tmp_path / "a.jsonl").write_text('{"n": 1};{"n": 2};')
    (tmp_path / "b.jsonl").write_text('{"n": 3};')
    text = f"""
    input {{ file {{
      path => "${{LOG_DIR}}/*.jsonl" codec => json start_position => "beginning" delimiter => ";"
      exclude => "b*" sincedb_path => "${{LOG_DIR}}/mine"
    }} }}
    {OUTPUT}"""
    drained(intake(tmp_path, stores, text))
    assert numbers(stores) == ["1", "2"]
    assert (tmp_path / "mine").read_text().endswith("a.jsonl\n")


def test_the_input_has_its_positions_under_its_id(tmp_path: Path, stores: Stores) -> None:
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n')
    text = f"""
    input {{ file {{ id => "svc" path => "${{LOG_DIR}}/*.jsonl" codec => json start_position => "beginning" }} }}
    {OUTPUT}"""
    drained(intake(tmp_path, stores, text))
    assert (tmp_path / "positions" / "svc.sincedb").exists()
