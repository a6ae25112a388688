"""What clew up says: never lost, and never a reason to stand still."""

from __future__ import annotations

import os
from pathlib import Path

from clew.supervisor import BoundedLog, Console, line_writer


def test_a_part_is_named_before_each_of_its_lines(tmp_path: Path) -> None:
    said: list[str] = []
    console = Console(lambda line: not said.append(line), log=BoundedLog(tmp_path / "up.log"))
    console.relay("order", "hello")
    console.say("All ready.")

    assert said == ["order   | hello", "All ready."]
    assert (tmp_path / "up.log").read_text() == "order   | hello\nAll ready.\n"


def test_a_json_log_line_is_shown_as_level_and_message(tmp_path: Path) -> None:
    said: list[str] = []
    console = Console(lambda line: not said.append(line), log=BoundedLog(tmp_path / "up.log"))
    console.relay("stack", '{"@timestamp":"2026-11-21T10:00:00Z","log":{"level":"warning"},"message":"Slow."}')
    console.relay("stack", '{"@timestamp": 1}')
    console.relay("stack", '{"@timestamp": broken')

    assert said == ["stack   | warning: Slow.", 'stack   | {"@timestamp": 1}', 'stack   | {"@timestamp": broken']


def test_colours_are_only_for_terminals(tmp_path: Path) -> None:
    said: list[str] = []
    Console(lambda line: not said.append(line), log=BoundedLog(tmp_path / "a"), colours=True).relay("order", "hello")

    assert said == ["\x1b[38;5;37morder   | \x1b[0mhello"]
    assert (tmp_path / "a").read_text() == "order   | hello\n"


def test_lines_that_nobody_reads_are_counted_and_the_count_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    room = [False, False, True, True]
    console = Console(lambda line: room.pop(0) and not said.append(line), log=BoundedLog(tmp_path / "up.log"))
    for text in ("one", "two", "three"):
        console.say(text)

    assert said == ["(2 lines left out: nobody read them)", "three"]
    assert (tmp_path / "up.log").read_text() == "one\ntwo\nthree\n"


def test_a_full_pipe_is_not_waited_for() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "w", encoding="utf-8") as stream:
        write = line_writer(stream)
        written = 0
        while write("x" * 1000):
            written += 1

        assert written > 10


def test_a_terminal_that_has_gone_takes_everything() -> None:
    """The children's lines go on into their files; nothing is owed to nobody."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:
        write = line_writer(stream)

        assert [write("one"), write("two")] == [True, True]


def test_a_log_has_at_most_two_pieces(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "a.log", max_bytes=100)
    for number in range(50):
        log.write(b"line %04d" % number)
    log.close()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1"]
    assert (tmp_path / "a.log").stat().st_size <= 120
    assert (tmp_path / "a.log").read_text().endswith("line 0049\n")


def test_lines_that_could_not_be_written_are_counted_in_the_file(tmp_path: Path) -> None:
    place = tmp_path / "run" / "a.log"
    log = BoundedLog(place)
    log.write(b"lost")
    place.parent.mkdir()
    log.write(b"kept")
    log.close()

    assert place.read_text() == "(1 lines were lost here: the file could not be written)\nkept\n"
