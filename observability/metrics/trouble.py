"""
Saying what went wrong, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

_KEPT = 200


def log_warning(message: str) -> None:
    logging.getLogger(__package__).warning("%s", message)


class Warnings:
    """
    :param warn: gets each message the first time that its subject is complained about in this process.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._said: set[str] = set()

    def __call__(self, message: str, about: str = "") -> None:
        """
        :param about: the subject; by default the message itself.
        """
        subject = about or message
        if subject not in self._said and len(self._said) < _KEPT:
            self._said.add(subject)
            self._warn(message)

    def forget(self) -> None:
        """
        In a forked child, which has not said anything yet.
        """
        self._said = set()
