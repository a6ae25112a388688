"""The state directory: made for its owner, emptied without touching anything else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from clew.home import Home, HomeError


def test_a_home_is_made_for_its_owner_alone_and_its_secret_once(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.prepare()
    secret = home.token_secret.read_text("ascii")
    home.prepare()

    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.token_secret.stat().st_mode) == 0o600
    assert len(secret) > 40
    assert home.token_secret.read_text("ascii") == secret
    assert all(part.is_dir() for part in (home.store, home.logs, home.metrics, home.data, home.positions, home.run))


def test_making_the_paths_touches_nothing(tmp_path: Path) -> None:
    Home.at(tmp_path / "home")

    assert list(tmp_path.iterdir()) == []


def test_git_does_not_see_a_home(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.prepare()

    assert (home.path / ".gitignore").read_text() == "*\n"


def test_a_directory_with_other_files_is_not_taken_over(tmp_path: Path) -> None:
    """CLEW_HOME=$HOME would else be one --purge away from a disaster."""
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(HomeError, match=r"holds files that are not Clew's\. Set CLEW_HOME"):
        Home.at(tmp_path).prepare()


def test_a_place_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(HomeError, match=r"^Cannot write to .*/file/home: Not a directory\. Set CLEW_HOME"):
        Home.at(tmp_path / "file" / "home").prepare()


def test_a_disk_that_is_nearly_full_is_said_before_anything_fails_on_it(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"^The disk of .*/home has 3 MB left and Clew wants 64\. Free some "):
        Home.at(tmp_path / "home").prepare(free_bytes=lambda path: 3 * 2**20 + 5)


def test_purge_deletes_what_clew_made_and_leaves_what_it_did_not(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.prepare()
    (home.logs / "gateway-1.jsonl").write_text("{}\n")
    (home.path / "crash-20261121T100840Z.txt").write_text("details")
    (home.path / "notes.txt").write_text("mine")

    assert home.purge() == ["notes.txt"]
    assert [entry.name for entry in home.path.iterdir()] == ["notes.txt"]


def test_purge_of_a_home_with_nothing_else_in_it_deletes_the_directory(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.prepare()

    assert home.purge() == []
    assert not home.path.exists()
    assert home.purge() == []


def test_purge_refuses_a_directory_that_is_no_clew_home(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "precious.log").write_text("x")

    with pytest.raises(HomeError, match=r"does not look like a Clew home"):
        Home.at(tmp_path).purge()
    assert (tmp_path / "logs" / "precious.log").exists()


def test_purge_does_not_follow_a_link_out_of_the_home(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.prepare()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.log").write_text("x")
    home.logs.rmdir()
    home.logs.symlink_to(elsewhere)

    home.purge()
    assert (elsewhere / "precious.log").exists()
