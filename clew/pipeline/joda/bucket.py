"""What a parser has found so far, and the moment that it makes."""

from __future__ import annotations

from datetime import tzinfo

from clew.pipeline.joda.fields import DAY, MONTH, YEAR_FIELD, Field
from clew.pipeline.zones import local_to_utc_ms

State = tuple[tuple[tuple[Field, int], ...], int | None, tzinfo | None]


class Bucket:
    """
    :param zone: in which the text is, unless it says so itself.
    :param default_year: for a text with month or day but no year.
    """

    __slots__ = ("_default_year", "offset_ms", "saved", "zone")

    def __init__(self, zone: tzinfo | None, default_year: int) -> None:
        self.saved: list[tuple[Field, int]] = []
        self.offset_ms: int | None = None
        self.zone = zone
        self._default_year = default_year

    def save(self, field: Field, value: int) -> None:
        self.saved.append((field, value))

    def state(self) -> State:
        return tuple(self.saved), self.offset_ms, self.zone

    def restore(self, state: State) -> None:
        self.saved, self.offset_ms, self.zone = list(state[0]), state[1], state[2]

    def local_ms(self) -> int:
        """
        The local time that the fields make, smaller ones zero. Fields are set from the longest range to the shortest,
        twice: what one moved, the other sets right again. :raises FieldValueError: a value does not fit.
        """
        fields = sorted(self.saved, key=lambda saved: saved[0].order)
        if fields and DAY <= fields[0][0].unit_ms <= MONTH:
            fields = sorted([*fields, (YEAR_FIELD, self._default_year)], key=lambda saved: saved[0].order)
        ms = 0
        for field, value in fields:
            ms = field.floor(field.set(ms, value))
        for index, (field, value) in enumerate(fields):
            ms = field.set(ms, value)
            if index == len(fields) - 1:
                ms = field.floor(ms)
        return ms

    def utc_ms(self) -> int:
        """The moment. :raises ValueError: a value does not fit, or clocks never showed that time."""
        local = self.local_ms()
        if self.offset_ms is not None:
            return local - self.offset_ms
        return local if self.zone is None else local_to_utc_ms(local, self.zone)
