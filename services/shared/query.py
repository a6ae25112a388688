"""Parameters in the query string."""

from __future__ import annotations

from flask import request

from observability import Problem
from services.shared.fields import MOST_ERRORS, SHOWN


class Query:
    """
    The parameters of the current request and everything that is wrong with them: ask for each once, then call `check`.
    """

    def __init__(self) -> None:
        self._asked: list[str] = []
        self._errors: list[dict[str, str]] = []

    def text(self, name: str) -> str | None:
        """
        The parameter *name*; None when it is not given.
        """
        self._asked.append(name)
        return request.args.get(name)

    def whole(self, name: str, *, usual: int, most: int) -> int:
        """
        The parameter *name* as a number from 1 to *most*; *usual* when it is not given.
        """
        raw = self.text(name)
        if raw is None:
            return usual
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 9 and 1 <= int(raw) <= most):
            self.wrong(name, f"must be a whole number from 1 to {most}")
            return usual
        return int(raw)

    def wrong(self, name: str, detail: str) -> None:
        """
        Complain about a parameter.
        """
        self._errors.append({"field": name, "detail": detail})

    def check(self) -> None:
        """
        :raises Problem: ``invalid``, with every complaint, those about parameters that nobody asked for or that are
            there twice included.
        """
        for name, values in request.args.lists():
            if name not in self._asked:
                known = ", ".join(self._asked)
                self.wrong(name[:SHOWN], f"is unknown; known are {known}")
            elif len(values) > 1:
                self.wrong(name, "must be given once")
        if self._errors:
            count = "One thing is" if len(self._errors) == 1 else f"{len(self._errors)} things are"
            said = f"{count} wrong with the query; see errors."
            raise Problem("invalid", said, errors=self._errors[:MOST_ERRORS])
