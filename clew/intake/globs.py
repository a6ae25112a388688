"""Which files a file input's paths name."""

from __future__ import annotations

import fnmatch
import glob
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence


def braces(pattern: str) -> list[str]:
    """
    *pattern* with each ``{a,b}`` replaced by its alternatives, as Ruby's ``Dir.glob`` reads them; nested ones too. A
    brace without its partner stands for itself.
    """
    depth = 0
    opened = -1
    commas: list[int] = []
    for position, char in enumerate(pattern):
        if char == "{":
            if depth == 0:
                opened, commas = position, []
            depth += 1
        elif char == "," and depth == 1:
            commas.append(position)
        elif char == "}" and depth > 0:
            depth -= 1
            if depth == 0:
                edges = [opened, *commas, position]
                before, after = pattern[:opened], pattern[position + 1 :]
                choices = [pattern[start + 1 : end] for start, end in itertools.pairwise(edges)]
                return [whole for choice in choices for whole in braces(before + choice + after)]
    return [pattern]


def files(patterns: Iterable[str], exclude: Sequence[str] = ()) -> Iterator[str]:
    """
    The paths that match, sorted, each once, whatever kind of thing they are. ``**`` matches any depth; *exclude* holds
    patterns of file names without their folder (both as in Logstash's file input).
    """
    found = {
        path for pattern in patterns for one in braces(pattern) for path in glob.iglob(one, recursive=True)
    }
    for path in sorted(found):
        name = os.path.basename(path)
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude):
            yield path


def closed_folders(patterns: Iterable[str]) -> Iterator[str]:
    """
    The folders that the patterns start from and that may not be listed: `files` finds nothing in them, and cannot say
    why. A folder that is not there (yet) is not among them.
    """
    for pattern in patterns:
        folder = os.path.dirname(pattern)
        while glob.has_magic(folder) or "{" in folder:
            folder = os.path.dirname(folder)
        try:
            os.scandir(folder).close()
        except PermissionError:
            yield folder
        except OSError:
            continue  # not there yet
