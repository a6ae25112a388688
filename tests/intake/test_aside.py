"""The aside directory: bounded, private, and never in the way."""

from __future__ import annotations

import stat
from pathlib import Path

from clew.intake.aside import Aside


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_body_is_kept_under_its_time_kind_and_digest(tmp_path: Path) -> None:
    aside = Aside(tmp_path / "aside", clock=lambda: 1_795_246_863.135065)
    path = aside.keep("traces-malformed", b"body")
    assert path is not None
    assert path.name == "20261121T074103.135065Z-traces-malformed-ec2edbeabbed4a40.bin"
    assert path.name.startswith("20261121T")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_same_body_is_written_once_and_counted_each_time(tmp_path: Path) -> None:
    aside = Aside(tmp_path)
    assert aside.keep("a", b"body") == aside.keep("a", b"body")
    assert Aside(tmp_path).keep("a", b"body") is not None
    assert len(names(tmp_path)) == 1
    assert aside.counts.snapshot() == {"kept:a": 2}


def test_the_oldest_go_first_beyond_the_number_of_files(tmp_path: Path) -> None:
    """Also those of an earlier run."""
    moments = iter(range(100))
    for _ in range(2):
        aside = Aside(tmp_path, max_files=3, clock=lambda: float(next(moments)))
        for _ in range(3):
            aside.keep("a", str(next(moments)).encode())
    assert [int(path.read_bytes()) for path in sorted(tmp_path.iterdir())] == [6, 8, 10]
    assert aside.counts["evicted"] == 3


def test_the_oldest_go_first_beyond_the_bytes_and_one_body_is_cut_to_its_share(tmp_path: Path) -> None:
    moments = iter(range(100))
    aside = Aside(tmp_path, max_bytes=25, max_body_bytes=10, clock=lambda: float(next(moments)))
    for char in (b"a", b"b", b"c"):
        aside.keep("x", char * 50)
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"b" * 10, b"c" * 10]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    Aside(tmp_path, max_files=1).keep("a", b"1")
    aside = Aside(tmp_path, max_files=1)
    aside.keep("a", b"2")
    assert "notes.txt" in names(tmp_path)
    assert len(names(tmp_path)) == 2


def test_a_directory_that_cannot_be_written_is_counted_not_raised(tmp_path: Path) -> None:
    (tmp_path / "aside").write_text("a file where the directory should be")
    aside = Aside(tmp_path / "aside")
    assert aside.keep("a", b"body") is None
    assert aside.counts.snapshot() == {"kept:a": 1, "unwritten": 1}
