"""The checks say what they saw."""

import pytest

pytest.register_assert_rewrite(
    *(f"tests.traps.{name}" for name in ("logs", "metrics", "processes", "secrets", "traces"))
)
