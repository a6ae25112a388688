"""
Take the README's pictures from a running stack: ``make pictures`` (needs Debian's chromium, or any Chromium on PATH).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen

from observability import Settings

HERE = Path(__file__).resolve().parent / "pictures"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars",
    "--force-device-scale-factor=1",
)


def newest_order(explorer: str) -> str:
    """The trace that placed the newest order."""
    with urlopen(f"{explorer}/traces.json?service=gateway", timeout=10) as answer:
        traces = json.load(answer)["traces"]
    for trace in traces:
        if trace["name"] == "POST /api/orders":
            return str(trace["trace_id"])
    raise LookupError("no order among the newest traces; place one: make up prints how")


def take(browser: str, url: str, target: Path, width: int, height: int) -> None:
    with tempfile.TemporaryDirectory() as profile:
        where = (f"--user-data-dir={profile}", f"--window-size={width},{height}", f"--screenshot={target}")
        subprocess.run(
            [browser, *FLAGS, *where, url], check=True, timeout=60,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )


def main() -> int:
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        print("No Chromium on PATH. On Debian: apt-get install chromium", file=sys.stderr)
        return 1
    explorer = f"http://127.0.0.1:{Settings.from_env(os.environ).explorer_port}"
    try:
        trace = newest_order(explorer)
    except (OSError, LookupError) as error:
        print(f"The explorer at {explorer} has nothing to show: {error}. Start it first: make up", file=sys.stderr)
        return 1
    HERE.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        take(browser, f"{explorer}/requests/{trace}?theme={theme}", HERE / f"request-{theme}.png", 1280, 1060)
        take(browser, f"{explorer}/?theme={theme}", HERE / f"overview-{theme}.png", 1280, 1000)
        print(f"docs/pictures/request-{theme}.png and overview-{theme}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
