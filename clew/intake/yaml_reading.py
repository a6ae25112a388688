"""YAML with positions: each wrong thing is a complaint with line and column, and all of them are told at once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_NULL = "tag:yaml.org,2002:null"
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}


@dataclass(order=True, frozen=True, slots=True)
class Complaint:
    """
    What is wrong where; line and column count from 1.
    """

    line: int
    column: int
    text: str


@dataclass(slots=True)
class YamlReading:
    """
    Reads values out of composed nodes. What does not fit becomes a complaint, and None.
    """

    complaints: list[Complaint] = field(default_factory=list)

    def document(self, text: str) -> Node | None:
        """The one document of *text*; None if it is empty or not YAML."""
        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
            self.complaints.append(Complaint(*where, f"not YAML: {error.problem or error.context}"))
        except yaml.YAMLError as error:  # characters that YAML forbids come without a mark
            position = getattr(error, "position", 0)
            before = text[:position]
            column = position - (before.rfind("\n") + 1) + 1
            self.complaints.append(
                Complaint(before.count("\n") + 1, column, f"not YAML: {getattr(error, 'reason', error)}")
            )
        return None

    def complain(self, node: Node, text: str) -> None:
        self.complaints.append(Complaint(node.start_mark.line + 1, node.start_mark.column + 1, text))

    def mapping(self, node: Node | None, what: str, supported: Sequence[str] | None = None) -> dict[str, Node]:
        """
        The values of *node* by key. Keys that come twice are complaints, so are those not *supported* (None: any).
        """
        if node is None or _is_null(node):
            return {}
        if not isinstance(node, MappingNode):
            self.complain(node, f"{what} must be a mapping of names to values")
            return {}
        values: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            if not name:
                self.complain(key, f"a key of {what} must be a name")
            elif name in values:
                self.complain(key, f"'{name}' stands twice in {what}")
            elif supported is not None and name not in supported:
                self.complain(key, _unsupported(name, what, supported))
            else:
                values[name] = value
        return values

    def items(self, node: Node | None, what: str) -> Sequence[Node]:
        if node is None or _is_null(node):
            return ()
        if not isinstance(node, SequenceNode):
            self.complain(node, f"{what} must be a list")
            return ()
        return tuple(node.value)

    def text(self, node: Node, what: str) -> str | None:
        """A scalar as it is written, numbers included; not an empty one."""
        if not isinstance(node, ScalarNode):
            self.complain(node, f"{what} must be a single value")
            return None
        if _is_null(node) or not node.value:
            self.complain(node, f"{what} needs a value")
            return None
        return str(node.value)

    def boolean(self, values: Mapping[str, Node], name: str, default: bool) -> bool:
        if name not in values:
            return default
        node = values[name]
        text = self.text(node, name)
        if text is None:
            return default
        plain = isinstance(node, ScalarNode) and node.style is None
        if not plain or text.lower() not in _BOOLEANS:
            self.complain(node, f"{name} must be true or false, not '{text}'")
            return default
        return _BOOLEANS[text.lower()]


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _NULL


def _unsupported(name: str, what: str, supported: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, supported, n=1, cutoff=0.8)
    if near:
        return f"{what} has no '{name}'; did you mean '{near[0]}'?"
    return f"the embedded stack does not support '{name}' (yet); supported in {what}: {', '.join(supported)}"
