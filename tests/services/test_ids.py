from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.shared.ids import ALPHABET, is_id, new_id

moments = st.floats(min_value=0, max_value=2**47 / 1000, allow_nan=False)


@given(moments, st.binary(min_size=10, max_size=10))
def test_an_id_is_short_lower_case_and_needs_no_escape_in_a_url(clock: float, entropy: bytes) -> None:
    made = new_id("ord", clock=lambda: clock, entropy=lambda _: entropy)
    assert len(made) == 30
    assert set(made.removeprefix("ord_")) <= set(ALPHABET)
    assert is_id("ord", made)


def test_no_character_of_an_id_looks_like_another() -> None:
    assert not set("ilou") & set(ALPHABET)


@given(moments, moments)
def test_ids_sort_by_the_millisecond_they_were_made_in(one: float, other: float) -> None:
    earlier, later = sorted((one, other))
    if int(earlier * 1000) < int(later * 1000):
        assert new_id("ord", clock=lambda: earlier) < new_id("ord", clock=lambda: later)


def test_two_ids_of_the_same_millisecond_differ() -> None:
    assert len({new_id("usr", clock=lambda: 1.0) for _ in range(1000)}) == 1000


@given(st.text())
def test_text_from_outside_is_hardly_ever_taken_for_an_id(text: str) -> None:
    """Whatever passes is made of the prefix and the alphabet only: it can neither leave a URL's path nor a query."""
    if is_id("usr", text):
        assert set(text) <= set(ALPHABET + "usr_")


def test_an_id_of_another_kind_or_shape_is_none() -> None:
    good = new_id("usr")
    wrong = ["", "usr_", good[:-1], good + "0", good.upper(), "ord_" + good[4:], f"{good}\n", f"usr_{26 * '8'}", None]
    assert not [text for text in wrong if is_id("usr", text)]
