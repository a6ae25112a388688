"""``make test-real``: make sure that there is a Postgres, then run the tests of this directory against it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.real.postgres import NoPostgres, binaries, install


def main(arguments: list[str]) -> int:
    try:
        programs = binaries() or install(print)
    except NoPostgres as why:
        sys.stderr.write(f"{why}\n")
        return 1
    print(f"Postgres of {programs}")
    return subprocess.run([sys.executable, "-m", "pytest", str(Path(__file__).parent), *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
