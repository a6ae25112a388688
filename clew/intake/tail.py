"""
Follow log files as Logstash's file input does in tail mode (logstash-input-file 4.4), without losing what it would.

Files are known by inode. What Logstash would lose is kept: a file that was renamed or deleted is read to its end, and
kept open for a while in case its writer still holds it; a file that was truncated and written again beyond the old
position, or that took over the inode of another, is noticed by the bytes before the position and read from 0.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from clew.intake import globs
from clew.intake.positions import FileKey, Positions, Record
from clew.intake.tally import Tally, unheard
from clew.intake.watched import Batch, Limits, WatchedFile


@dataclass(frozen=True, slots=True)
class TailStatus:
    """
    How a tail stands.

    :param behind_bytes: written but not yet committed, unfinished last lines included.
    :param troubles: path (or folder) and why it cannot be read now.
    """

    files: int
    open_files: int
    behind_bytes: int
    troubles: tuple[tuple[str, str], ...]


class Tail:
    """
    Complete lines of all files that *paths* (globs) name and *exclude* (globs of names) does not. For one thread.

    `poll` hands each line out once, as long as this object lives; `commit` says that a batch is stored. A line that was
    handed out but not committed is handed out again after a restart: at least once, and `event.id` makes it once.

    :param positions: where the committed positions are kept. Saved by `commit`, by `close`, and when a file
        is begun at its end.
    :param start_position: where to begin in files that are there at the first `poll` and have no position yet. Files
        that appear later are always read from the beginning.
    :param limits: what a line may have, in bytes.
    :param max_open: how many files are held open (idle ones are closed first, and opened again when they grow).
    :param discover_every_s: how often the globs are looked up (seconds); 0 is at each `poll`. Known files are looked at
        by each `poll` in any case.
    :param ignore_older_s: of files that were not modified for so long when they are first seen, only what is added
        later is read (seconds).
    :param poll_bytes: `poll` stops adding batches beyond this (bytes).
    :param linger_s: how long a file that is gone and has been read stays open, should it still be written to (seconds).
    :param report: gets one sentence when a file cannot be read, once per file until it can.
    :raises ValueError: a path is not absolute (Logstash refuses it too), or there is no delimiter.

    Counts (`counts`): ``restarted_files``, ``overlong_lines``, ``abandoned_bytes`` (in files that went away before
    their last line was finished, or before they could be read), ``unreadable_files``.
    """

    def __init__(
        self,
        paths: Sequence[str],
        positions: Positions,
        *,
        exclude: Sequence[str] = (),
        start_position: Literal["beginning", "end"] = "end",
        delimiter: bytes = b"\n",
        limits: Limits | None = None,
        max_open: int = 512,
        discover_every_s: float = 0.0,
        ignore_older_s: float | None = None,
        poll_bytes: int = 4 * 1024 * 1024,
        close_older_s: float = 3600.0,
        linger_s: float = 60.0,
        clock: Callable[[], float] = time.time,
        report: Callable[[str], None] = unheard,
    ) -> None:
        for path in paths:
            if not os.path.isabs(path):
                raise ValueError(f"A file input needs absolute paths; '{path}' is relative. Write where it starts.")
        if not delimiter:
            raise ValueError("A file input needs a delimiter of at least one byte.")
        self.counts = Tally()
        self._paths = tuple(paths)
        self._exclude = tuple(exclude)
        self._positions = positions
        self._start_at_end = start_position == "end"
        self._delimiter = delimiter
        self._limits = limits or Limits()
        self._max_open = max_open
        self._discover_every_s = discover_every_s
        self._ignore_older_s = ignore_older_s
        self._poll_bytes = poll_bytes
        self._close_older_s = close_older_s
        self._linger_s = linger_s
        self._clock = clock
        self._report = report
        self._files: dict[FileKey, WatchedFile] = {}
        self._open: dict[FileKey, WatchedFile] = {}
        self._listed: list[str] = []
        self._listed_s: float | None = None
        self._closed_folders: list[str] = []
        self._unlisted: dict[str, str] = {}
        self._unread: dict[str, str] = {}
        self._more = False
        self._unsaved = False

    @property
    def more(self) -> bool:
        """Whether the last `poll` left something that the next one finds at once."""
        return self._more

    def poll(self) -> list[Batch]:
        """
        What is complete and new: files that are gone first, then those longest unchanged. Empty if there is nothing.
        Errors of single files are reported and tried again at the next poll.
        """
        self.look()
        batches: list[Batch] = []
        taken = 0
        unfinished: set[str] = set()
        self._more = False
        for file in self._in_reading_order():
            if taken >= self._poll_bytes:
                self._more = True
                break
            if file.path in unfinished:
                self._more = True  # first what was rotated away from this name
                continue
            batch = self._read(file)
            if batch is not None:
                batches.append(batch)
                taken += batch.end - batch.start
            if not file.at_end and file.descriptor is not None:
                self._more = True
                if file.gone:
                    unfinished.add(file.path)
        self._close_some()
        return batches

    def commit(self, batches: Iterable[Batch]) -> None:
        """
        *batches* are stored: their files will be resumed behind them. Give batches of one file in their order.
        """
        for batch in batches:
            file = self._files.get(batch.key)
            if file is None or file.generation != batch.generation:
                continue  # the file was started again meanwhile: its old positions mean nothing
            file.committed = batch.end
            self._positions.put(batch.key, Record(batch.end, self._clock(), batch.path, batch.mark))
        self._save()

    def status(self) -> TailStatus:
        files = self._files.values()
        return TailStatus(
            files=len(files),
            open_files=len(self._open),
            behind_bytes=sum(max(0, file.size - file.committed) for file in files),
            troubles=tuple(sorted({**self._unlisted, **self._unread}.items())),
        )

    def close(self) -> None:
        """Write the positions for good and close all files."""
        self._save(sync=True)
        for file in list(self._open.values()):
            self._close(file)

    def look(self) -> None:
        """Find new files, and see which ones changed or went away: `status` is then up to date. `poll` does it too."""
        now = self._clock()
        if self._listed_s is None or not 0 <= now - self._listed_s < self._discover_every_s:
            self._listed_s = now
            self._listed = list(globs.files(self._paths, self._exclude))
            self._closed_folders = list(globs.closed_folders(self._paths))
        unlisted = dict.fromkeys(self._closed_folders, "the folder may not be listed")
        present: set[FileKey] = set()
        for path in self._listed:
            try:
                looks = os.stat(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                unlisted[path] = error.strerror or str(error)
                continue
            key = FileKey(looks.st_ino, looks.st_dev)
            if not stat.S_ISREG(looks.st_mode) or key in present:  # a second name of the same file
                continue
            present.add(key)
            file = self._files.get(key)
            if file is None:
                file = self._begin(key, path, looks)
            file.path = path
            if file.saw(looks) or file.gone:
                file.quiet_since_s = now
            file.gone = False
        for key, file in self._files.items():
            if key not in present and not file.gone:
                file.gone = True
                file.quiet_since_s = now
        for path in unlisted.keys() - self._unlisted.keys():
            self._tell(path, unlisted[path])
        self._unlisted = unlisted
        self._start_at_end = False
        if self._unsaved:  # a position at the end, which nothing but this file remembers
            self._save()

    def _begin(self, key: FileKey, path: str, looks: os.stat_result) -> WatchedFile:
        record = self._positions.get(key)
        if record is not None:
            file = WatchedFile(key, path, position=record.position, resume=record)
        elif self._start_at_end or self._too_old(looks):
            file = WatchedFile(key, path, position=looks.st_size)
            self._positions.put(key, Record(looks.st_size, self._clock(), path))
            self._unsaved = True
        else:
            file = WatchedFile(key, path)
        self._files[key] = file
        if len(self._open) < self._max_open:
            # Held from its first sight on: whatever happens to its name, and however long the store is busy. If it
            # cannot be opened, whoever wants to read it says so.
            with contextlib.suppress(OSError):
                self._opened(file)
        return file

    def _too_old(self, looks: os.stat_result) -> bool:
        return self._ignore_older_s is not None and self._clock() - looks.st_mtime > self._ignore_older_s

    def _in_reading_order(self) -> list[WatchedFile]:
        # Of a file that is gone, no listing tells whether it grew: as long as it is open, look.
        due = (file for file in self._files.values() if file.worth_reading or (file.gone and file.key in self._open))
        return sorted(due, key=lambda file: (not file.gone, file.modified_ns, file.path))

    def _read(self, file: WatchedFile) -> Batch | None:
        restarts, size = file.restarts, file.size
        try:
            if file.descriptor is None and not self._opened(file):
                return None
            batch = file.read(self._delimiter, self._limits)
        except FileNotFoundError:
            return None  # went away since it was listed: the next look sees it
        except OSError as error:
            self._close(file)
            why = error.strerror or str(error)
            if self._unread.get(file.path) != why:
                self._tell(file.path, why)
            self._unread[file.path] = why
            return None
        self._unread.pop(file.path, None)
        self.counts.add("restarted_files", file.restarts - restarts)
        if batch is not None or file.size != size:
            file.quiet_since_s = self._clock()
        if batch is not None and batch.overlong is not None:
            self.counts.add("overlong_lines")
        return batch

    def _opened(self, file: WatchedFile) -> bool:
        if file.gone:
            return False  # its name is gone, or another file's
        if len(self._open) >= self._max_open and not self._made_room():
            self._more = True  # as soon as something is stored there is room
            return False
        if not file.open():
            return False
        self._open[file.key] = file
        return True

    def _made_room(self) -> bool:
        """Close what can be opened again; what is gone only if nothing else is left, and it is stored."""
        present = [file for file in self._open.values() if not file.gone]
        if present:
            self._close(next((file for file in present if file.at_end), present[0]))
            return True
        stored = next((file for file in self._open.values() if self._is_stored(file)), None)
        if stored is not None:
            self._let_go(stored)
        return stored is not None

    def _is_stored(self, file: WatchedFile) -> bool:
        return file.committed == file.position and (file.at_end or file.descriptor is None)

    def _close(self, file: WatchedFile) -> None:
        file.close()
        self._open.pop(file.key, None)

    def _close_some(self) -> None:
        """Let go of what is gone and read, and close what has been idle for long."""
        now = self._clock()
        for file in list(self._open.values()):
            if not file.gone and file.at_end and now - file.quiet_since_s >= self._close_older_s:
                self._close(file)
        for file in [file for file in self._files.values() if file.gone]:
            if self._is_stored(file) and now - file.quiet_since_s >= self._linger_s:
                self._let_go(file)

    def _let_go(self, file: WatchedFile) -> None:
        self.counts.add("abandoned_bytes", max(0, file.size - file.position))
        if file.deleted:
            self._positions.forget(file.key)  # the inode will be another file's
        self._close(file)
        self._unread.pop(file.path, None)
        del self._files[file.key]

    def _tell(self, path: str, why: str) -> None:
        self.counts.add("unreadable_files")
        self._report(f"Cannot read {path}: {why}. It is tried again until it can be read.")

    def _save(self, *, sync: bool = False) -> None:
        self._unsaved = not self._positions.save(in_use=self._files, sync=sync)
