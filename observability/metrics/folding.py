"""
Folding the files of processes that ended into the retired file, so that counters never step back.

Killed at any instant, a folder leaves either the old retired file and all the others, or the new one, which names the
files it contains: those are ignored by readers and removed by the next folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from observability.metrics.exact import partials
from observability.metrics.files import (
    RETIRED,
    Unreadable,
    has_owner,
    names,
    open_to_read,
    remove_abandoned,
    replace_retired,
)
from observability.metrics.layout import (
    DEFINITION,
    HEADER_SIZE,
    NOTE,
    SERIES,
    SLOT_SIZE,
    SLOTS_PER_BUCKET,
    SUM_LANES,
    Definition,
    entry,
    header,
    pack_slot,
    series_key,
)
from observability.metrics.merge import LEDGER, Family, Identity, Tally, identity, ledger, merge
from observability.metrics.processes import cpu_account
from observability.metrics.reading import Contents, Reading, read_file
from observability.metrics.scanning import Complain

INSTANCES_KEPT = 64
OTHER = "_OTHER"


@dataclass(frozen=True, slots=True)
class Folding:
    """
    :param series_limit: label sets kept per metric; further ones are added to the series ``_OTHER``.
    :param overflow: the counter of what that costs, and its label values.
    """

    series_limit: int
    overflow: tuple[Definition, tuple[str, ...]]

    def fold(self, directory: Path, now: float, complain: Complain) -> None:
        """
        Fold what there is to fold. For the holder of `files.fold_lock`. Raises OSError when the directory cannot be
        written or the retired file cannot be opened; nothing is lost then.
        """
        remove_abandoned(directory, now)
        ended = [name for name in names(directory) if _ended(directory / name, complain)]
        if not ended:
            return
        retired = _retired(directory / RETIRED, complain)
        contained: list[str] = retired.note["folded"] if retired else []
        left = [name for name in contained if _left(directory / name)]
        read = [_read(directory / name, complain) for name in ended if name not in contained]
        dead = [content for content in read if content is not None]
        if dead:
            self._add(directory, retired, left, dead)

    def _add(self, directory: Path, retired: Contents | None, left: list[str], dead: list[Contents]) -> None:
        dead.sort(key=lambda content: -content.born)
        families = merge([*dead, *([retired] if retired else [])])
        note = {
            "folded": [*left, *(content.name for content in dead)],
            "instances": _instances(retired, dead),
            **cpu_account(retired.note if retired else {}, dead),
        }
        for definition in LEDGER.values():
            if (family := families.get(identity(definition))) is not None:
                family.series = {key: tally for key, tally in family.series.items() if key[1] in note["instances"]}
        self._bound(families, retired)
        replace_retired(directory, _encode(families, note))
        for content in dead:
            _left(directory / content.name)

    def _bound(self, families: dict[Identity, Family], retired: Contents | None) -> None:
        """Restarts must not make the retired file grow for ever, whatever label values each generation brings."""
        before = {(identity(reading.definition), reading.values) for reading in (retired.series if retired else ())}
        ledgers = {identity(definition) for definition in LEDGER.values()}
        given_up = 0
        for key, family in families.items():
            if key in ledgers or len(family.series) <= self.series_limit:
                continue
            other = (OTHER,) * len(family.definition.labels)
            own_name = [values for values in family.series if values != other]
            own_name.sort(key=lambda values: (key, values) not in before)
            for values in own_name[self.series_limit :]:
                tally = family.series.pop(values)
                family.add(
                    Reading(family.definition, other, tuple(tally.parts), tuple(tally.counts), tuple(tally.exemplars))
                )
                given_up += 1
        if given_up:
            definition, values = self.overflow
            counter = families.setdefault(identity(definition), Family(definition))
            counter.tally(values).parts.append(float(given_up))


def _retired(path: Path, complain: Complain) -> Contents | None:
    try:
        return read_file(path)
    except FileNotFoundError:
        return None
    except Unreadable as why:
        complain(path, why)
        if os.path.lexists(path):
            raise OSError(f"{path} can neither be read nor set aside.") from why
        return None


def _left(path: Path) -> bool:
    """Whether a file that is folded is still there after we tried to remove it."""
    with contextlib.suppress(OSError):
        path.unlink()
    return path.exists()


def _ended(path: Path, complain: Complain) -> bool:
    try:
        descriptor = open_to_read(path)
        try:
            return not has_owner(descriptor)
        finally:
            os.close(descriptor)
    except (Unreadable, OSError) as why:
        complain(path, why)
        return False


def _read(path: Path, complain: Complain) -> Contents | None:
    try:
        return read_file(path)
    except (Unreadable, OSError) as why:
        complain(path, why)
        return None


def _instances(retired: Contents | None, dead: list[Contents]) -> list[str]:
    """The newest instances that have an account, oldest first."""
    known: list[str] = list(retired.note["instances"]) if retired else []
    for content in reversed(dead):
        if content.instance not in known and any(any(reading.parts) for reading in ledger(content)):
            known.append(content.instance)
    return known[-INSTANCES_KEPT:]


def _encode(families: dict[Identity, Family], note: dict[str, Any]) -> bytes:
    """A lanes file that belongs to nobody: everything in it is confirmed."""
    blobs = [entry(NOTE, json.dumps(note).encode())]
    at = HEADER_SIZE + len(blobs[0])
    for family in families.values():
        defined_at = at
        written = [entry(DEFINITION, family.definition.to_json())]
        written += [
            entry(SERIES, series_key(values), definition_at=defined_at, body=_body(family.definition, tally))
            for values, tally in family.series.items()
        ]
        blobs += written
        at += sum(map(len, written))
    head = header(pid=0, started=0.0, born=0.0, instance="", committed=at, exported_until=float("inf"))
    return head + b"".join(blobs)


def _body(definition: Definition, tally: Tally) -> bytes:
    lanes = struct.pack(f"={SUM_LANES}d", *partials(tally.parts, SUM_LANES))
    if definition.kind == "counter":
        return lanes
    slots = [pack_slot(*slot) if slot else bytes(SLOT_SIZE) for slot in tally.exemplars]
    return b"".join(
        (
            lanes,
            struct.pack(f"={len(tally.counts)}Q", *tally.counts),
            *(slot.ljust(SLOT_SIZE * SLOTS_PER_BUCKET, b"\0") for slot in slots),
        )
    )
