"""What holds for every test."""

from __future__ import annotations

import signal

# A shell without job control starts what it puts in the background deaf to Ctrl-C, and processes pass that on. Tests
# that press Ctrl-C mean a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
