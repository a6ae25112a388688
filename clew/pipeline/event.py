"""
An event: nested data, its metadata, and its moment.

Source: logstash-core's `Event` (9.x). Values are str, int, float, bool, None, `Timestamp`, list and dict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clew.pipeline import fields
from clew.pipeline.fields import MISSING, EventError, FieldReference, reference
from clew.pipeline.timestamp import Timestamp

TAGS: Final = reference("tags")
TIMESTAMP: Final = reference("@timestamp")
TIMESTAMP_FAILURE_TAG: Final = "_timestampparsefailure"


class Event:
    """
    :param data: becomes the event's own; ``@metadata`` in it becomes the metadata, ``@version`` defaults to "1",
        ``@timestamp`` may be RFC 3339 text. What is no time makes the event now, tagged, with the text kept in
        ``_@timestamp``; tags that are no text go to ``_tags``.
    :param now_ns: nanoseconds since the epoch, for an event that brings no usable time.
    :raises EventError: ``@metadata`` is not a hash.
    """

    __slots__ = ("cancelled", "data", "metadata")

    def __init__(self, data: dict[str, object], now_ns: int) -> None:
        self.data = data
        self.cancelled = False
        if "@version" not in data:
            data["@version"] = "1"
        self.metadata: dict[str, object] = {}
        if "@metadata" in data:
            metadata = data.pop("@metadata")
            if not isinstance(metadata, dict):
                raise EventError("@metadata is not a hash")
            self.metadata = metadata
        if "tags" in data and not _are_tags(data["tags"]):
            data["_tags"] = [data["tags"]]
            data["tags"] = ["_tagsparsefailure"]
        given = data.get("@timestamp")
        moment = _moment(given)
        if moment is not None:
            data["@timestamp"] = moment
            return
        data["@timestamp"] = Timestamp(now_ns)
        if given is not None:
            self.tag(TIMESTAMP_FAILURE_TAG)
            data["_@timestamp"] = given

    @property
    def timestamp(self) -> Timestamp | None:
        """None if ``@timestamp`` was removed."""
        moment = self.data.get("@timestamp")
        return moment if isinstance(moment, Timestamp) else None

    def get(self, field: FieldReference) -> object:
        """What *field* holds; MISSING if there is no such field."""
        if field.metadata:
            return self.metadata if field.root else fields.lookup(self.metadata, field.path, field.key)
        return fields.lookup(self.data, field.path, field.key)

    def value(self, field: FieldReference) -> object:
        """What *field* holds; None for null and for no field alike (as Ruby plugins see it)."""
        held = self.get(field)
        return None if held is MISSING else held

    def includes(self, field: FieldReference) -> bool:
        return self.get(field) is not MISSING

    def set(self, field: FieldReference, value: object) -> None:
        """:raises EventError: below a scalar, or the value does not suit ``@timestamp``, ``@metadata`` or ``tags``."""
        if field.metadata:
            if field.root:
                if not isinstance(value, dict):
                    raise EventError("@metadata must be a hash")
                self.metadata = value
                return
            fields.store(self.metadata, field.path, field.key, value)
            return
        if field.path:
            if field.path[0] == "tags":
                raise EventError("nothing can be set below tags")
        elif field.key == "tags" and not _are_tags(value):
            raise EventError("tags must be a string or a list of strings")
        elif field.key == "@timestamp" and not isinstance(value, Timestamp):
            raise EventError("@timestamp must be a timestamp")
        fields.store(self.data, field.path, field.key, value)

    def remove(self, field: FieldReference) -> object:
        """Take *field* out (``@metadata`` is emptied); what it held, or MISSING."""
        if field.root:
            held, self.metadata = self.metadata, {}
            return held
        return fields.remove(self.metadata if field.metadata else self.data, field.path, field.key)

    def tag(self, tag: str) -> None:
        """Add *tag* unless it is there."""
        tags = self.data.get("tags")
        if tags is None:
            self.data["tags"] = [tag]
        elif isinstance(tags, list):
            if tag not in tags:
                tags.append(tag)
        elif tags != tag:
            self.data["tags"] = [tags, tag]

    def cancel(self) -> None:
        self.cancelled = True


def cloned(value: object) -> object:
    """A deep copy."""
    if isinstance(value, dict):
        return {key: cloned(item) for key, item in value.items()}
    return [cloned(item) for item in value] if isinstance(value, list) else value


def _are_tags(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _moment(given: object) -> Timestamp | None:
    if isinstance(given, str):
        try:
            return Timestamp.parse(given)
        except ValueError:
            return None
    return given if isinstance(given, Timestamp) else None


def reader(field: FieldReference) -> Callable[[Event], object]:
    """`Event.get` for one field, prepared: the common depths without a walk."""
    if field.metadata or len(field.path) > 1:
        return lambda event: event.get(field)
    key = field.key
    if not field.path:
        return lambda event: event.data.get(key, MISSING)
    parent = field.path[0]

    def below(event: Event) -> object:
        container = event.data.get(parent)
        return container.get(key, MISSING) if type(container) is dict else event.get(field)

    return below
