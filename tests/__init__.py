"""The tests. What they share is told like tests when it fails."""

import pytest

pytest.register_assert_rewrite("tests.services.store_suite")
