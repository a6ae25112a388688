"""The checks say what they saw."""

import pytest

pytest.register_assert_rewrite("tests.shapes.traps")
