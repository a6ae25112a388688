"""What belongs to one process must not be used by its children."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable


def in_child(forget: Callable[[], None]) -> None:
    """
    Call the bound method *forget* in every child forked from now on, as long as its object lives.

    Runs in the child before anything else of it, so no lock of the parent needs to be taken.
    """
    reference = weakref.WeakMethod(forget)

    def call() -> None:
        method = reference()
        if method is not None:
            method()

    os.register_at_fork(after_in_child=call)
