"""
The state directory, CLEW_HOME: what lies where, how it is made, and how it is emptied.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_MARK = "clew-home"
_MARK_TEXT = "This directory holds the state of `clew up`. `clew down --purge` deletes it.\n"
_DIRECTORIES = ("aside", "data", "logs", "metrics", "positions", "run", "store")
_OURS = (*_DIRECTORIES, "faults.toml", "faults.new", "token-secret", ".gitignore", _MARK)
_NEEDED_BYTES = 64 * 1024 * 1024


class HomeError(Exception):
    """The state directory cannot be used; the message is one sentence and names the way on."""


@dataclass(frozen=True, slots=True)
class Home:
    """
    Absolute paths below one CLEW_HOME. Making the object touches nothing.
    """

    path: Path

    @classmethod
    def at(cls, path: Path) -> Home:
        return cls(Path(os.path.abspath(path)))

    @property
    def store(self) -> Path:
        return self.path / "store"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics"

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def positions(self) -> Path:
        return self.path / "positions"

    @property
    def aside(self) -> Path:
        return self.path / "aside"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def token_secret(self) -> Path:
        return self.path / "token-secret"

    @property
    def faults(self) -> Path:
        return self.path / "faults.toml"

    def prepare(self, *, free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> None:
        """
        Make the directories (for this user only) and the token secret, once. What is there already stays.

        :param free_bytes: how much room there is on the disk of a path.
        :raises HomeError: it cannot be written, or the disk has too little room.
        """
        try:
            if self._is_a_strangers():
                raise HomeError(
                    f"{self.path} holds files that are not Clew's. Set CLEW_HOME to an empty or a new directory."
                )
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / _MARK).write_text(_MARK_TEXT, "utf-8")  # first: see _is_a_strangers
            for name in _DIRECTORIES:
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
            (self.path / ".gitignore").write_text("*\n", "utf-8")
            self._make_token_secret()
            free = free_bytes(self.path)
        except OSError as error:
            raise HomeError(
                f"Cannot write to {self.path}: {error.strerror}. Set CLEW_HOME to a directory that can be written."
            ) from None
        if free < _NEEDED_BYTES:
            raise HomeError(
                f"The disk of {self.path} has {free // 2**20} MB left and Clew wants {_NEEDED_BYTES // 2**20}. "
                "Free some (clew down --purge empties its own state) or set CLEW_HOME to another disk."
            )

    def _is_a_strangers(self) -> bool:
        """The mark is asked for last: what another process, which begins now, has made after it is not a stranger's."""
        if not self.path.is_dir():
            return False
        others = any(not entry.match("crash-*.txt") for entry in self.path.iterdir())
        return others and not (self.path / _MARK).exists()

    def _make_token_secret(self) -> None:
        try:
            handle = os.open(self.token_secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        with open(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")

    def purge(self) -> list[str]:
        """
        Delete what Clew made in here, and the directory itself when nothing else is in it; the names that were left.

        :raises HomeError: this is not a directory that `prepare` made, or something could not be deleted.
        """
        if not self.path.is_dir():
            return []
        if not (self.path / _MARK).is_file():
            raise HomeError(
                f"{self.path} does not look like a Clew home (it has no file {_MARK}), so nothing was deleted. "
                "Check CLEW_HOME."
            )
        crashes = [entry.name for entry in self.path.glob("crash-*.txt")]
        try:
            for name in (*crashes, *_OURS):  # the mark goes last: a purge that was cut short can be repeated
                _delete(self.path / name)
            left = sorted(entry.name for entry in self.path.iterdir())
            if not left:
                self.path.rmdir()
        except OSError as error:
            raise HomeError(f"Cannot delete {error.filename}: {error.strerror}. Delete it by hand.") from None
        return left


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
