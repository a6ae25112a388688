"""
How far each file has been read, kept on disk.

The file is Logstash's "sincedb", version 2: one line ``inode major minor position time path`` per file, where major is
0 and minor the whole device number, as Logstash under JRuby writes it (logstash-input-file,
``sincedb_record_serializer.rb``). Lines without time and path (version 1) are read too.

Inode numbers are used again, so an inode alone does not prove that a file is the one that was read. The proof stands
in a second file, ``<name>.marks``, which Logstash does not know: per file a position and a digest of the bytes just
before it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from clew.intake.tally import Tally


@dataclass(frozen=True, slots=True)
class FileKey:
    """What the system knows a file by, whatever its name."""

    inode: int
    device: int


@dataclass(frozen=True, slots=True)
class Mark:
    """
    Proof of identity: the *length* bytes that end at *position* have this *digest*. All before *position* is stored.
    """

    position: int
    length: int
    digest: str


@dataclass(frozen=True, slots=True)
class Record:
    """
    Everything before *position* (bytes) has been stored.

    :param changed_s: when that was last true for the first time (seconds since the epoch).
    :param path: the name the file then had; empty if it is not known.
    """

    position: int
    changed_s: float
    path: str = ""
    mark: Mark | None = None


class Positions:
    """
    Records by file, loaded when made and written by `save`: whole, atomically (a reader sees the old or the new one,
    also after kill -9), and made durable against a power cut every *sync_every_s* (seconds) and on ``save(sync=True)``.
    A line that cannot be read is skipped and counted; its file is read again, which `event.id` makes harmless.

    :param path: None keeps nothing on disk, as ``/dev/null`` does for Logstash.
    :param keep_s: a record that has not moved for this long and is not *in use* is left out of the file (seconds).
    :raises ValueError: *path* is a directory.

    Counts (`counts`): ``unreadable_lines``, ``failed_writes``.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        keep_s: float = 14 * 24 * 3600.0,
        sync_every_s: float = 15.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if path is not None and path.is_dir():
            raise ValueError(f"The positions file {path} is a directory. Name a file in it instead.")
        self.path = None if path == Path(os.devnull) else path
        self.counts = Tally()
        self._keep_s = keep_s
        self._sync_every_s = sync_every_s
        self._clock = clock
        self._synced_s = clock()
        self._records: dict[FileKey, Record] = {}
        self._load()

    def get(self, key: FileKey) -> Record | None:
        return self._records.get(key)

    def put(self, key: FileKey, record: Record) -> None:
        self._records[key] = record

    def forget(self, key: FileKey) -> None:
        self._records.pop(key, None)

    def save(self, *, in_use: Collection[FileKey] = (), sync: bool = False) -> bool:
        """
        Write all records that are *in_use* or young. False if the disk did not take them: then the old file stands.
        """
        now = self._clock()
        self._records = {
            key: record
            for key, record in self._records.items()
            if key in in_use or record.changed_s + self._keep_s >= now
        }
        if self.path is None:
            return True
        sync = sync or now - self._synced_s >= self._sync_every_s
        marks = "".join(
            f"{key.inode} {key.device} {record.mark.position} {record.mark.length} {record.mark.digest}\n"
            for key, record in self._records.items()
            if record.mark is not None
        )
        lines = "".join(
            # A name with a line break in it cannot stand in this format; the inode and the mark find it again.
            f"{key.inode} 0 {key.device} {record.position} {record.changed_s:.6f} "
            f"{'' if chr(10) in record.path else record.path}\n"
            for key, record in self._records.items()
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Killed between the two, a file has a mark and a position of different moments: whoever resumes believes
            # the mark, which proves itself.
            _replace(self._marks_path(self.path), marks, sync=sync)
            _replace(self.path, lines, sync=sync)
        except OSError:
            self.counts.add("failed_writes")
            return False
        if sync:
            self._synced_s = now
        return True

    def _load(self) -> None:
        if self.path is None:
            return
        marks: dict[FileKey, Mark] = {}
        for parts in self._lines(self._marks_path(self.path)):
            try:
                inode, device, position, length = (int(part) for part in parts[:4])
                marks[FileKey(inode, device)] = Mark(position, length, parts[4])
            except (ValueError, IndexError):
                self.counts.add("unreadable_lines")
        for parts in self._lines(self.path):
            try:
                inode, major, minor, position = (int(part) for part in parts[:4])
                changed_s = float(parts[4]) if len(parts) > 4 else self._clock()
                if position < 0:
                    raise ValueError("a position is not negative")
            except ValueError:
                self.counts.add("unreadable_lines")
                continue
            key = FileKey(inode, minor if major == 0 else os.makedev(major, minor))
            self._records[key] = Record(position, changed_s, " ".join(parts[5:]), marks.get(key))

    def _lines(self, path: Path) -> list[list[str]]:
        try:
            text = path.read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return []
        return [line.split(" ") for line in text.split("\n") if line]

    @staticmethod
    def _marks_path(path: Path) -> Path:
        return path.with_name(path.name + ".marks")


def _replace(path: Path, text: str, *, sync: bool) -> None:
    scratch = path.with_name(path.name + ".new")
    with open(scratch, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
        if sync:
            file.flush()
            os.fsync(file.fileno())
    scratch.replace(path)
