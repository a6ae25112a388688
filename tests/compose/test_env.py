"""`make env`: .env is made once, completed later, and never has a password that somebody else has, too."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from deploy.env import random_password, values, write
from tests.compose.files import EXAMPLE, ROOT

SECRETS = {name for name in values(EXAMPLE) if re.search(r"PASSWORD|SECRET|KEY", name)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".env.example").write_text(EXAMPLE, "utf-8")
    return tmp_path


def made(root: Path) -> dict[str, str]:
    return values((root / ".env").read_text("utf-8"))


def test_each_empty_value_becomes_a_password_of_its_own(root: Path) -> None:
    write(root)
    passwords = {name: value for name, value in made(root).items() if name in SECRETS}
    assert set(passwords) == SECRETS
    assert len(set(passwords.values())) == len(SECRETS)
    assert all(re.fullmatch(r"[A-Za-z0-9]{40}", value) for value in passwords.values())


def test_what_the_example_says_is_taken_over(root: Path) -> None:
    write(root)
    assert {name: value for name, value in made(root).items() if name not in SECRETS} == {
        name: value for name, value in values(EXAMPLE).items() if value
    }


def test_only_the_owner_may_read_it(root: Path) -> None:
    write(root)
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600


def test_what_is_there_stays_and_the_way_to_new_passwords_is_said(root: Path) -> None:
    write(root)
    before = (root / ".env").read_bytes()
    said = write(root)
    assert (root / ".env").read_bytes() == before
    assert "nothing was changed" in said
    assert "docker compose down --volumes && rm .env && make env" in said


def test_permissions_that_somebody_widened_are_put_right(root: Path) -> None:
    write(root)
    (root / ".env").chmod(0o644)
    write(root)
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600


def test_a_knob_that_is_new_in_the_example_is_added_with_its_comment(root: Path) -> None:
    (root / ".env").write_text("GATEWAY_PORT=18080\nELASTIC_PASSWORD=mine", "utf-8")
    said = write(root)
    text = (root / ".env").read_text("utf-8")
    assert text.startswith("GATEWAY_PORT=18080\nELASTIC_PASSWORD=mine\n")
    assert set(values(text)) == set(values(EXAMPLE))
    assert (values(text)["GATEWAY_PORT"], values(text)["ELASTIC_PASSWORD"]) == ("18080", "mine")
    assert "# Kibana encrypts what it keeps" in text
    assert "TOKEN_SECRET" in said
    assert "GATEWAY_PORT" not in said


def test_a_password_that_was_left_empty_is_filled(root: Path) -> None:
    """Otherwise compose would send you to `make env`, and that would say that all is well."""
    write(root)
    kept = made(root)
    (root / ".env").write_text("\n".join(f"{n}={v}" for n, v in (kept | {"TOKEN_SECRET": ""}).items()), "utf-8")
    write(root)
    assert len(made(root)["TOKEN_SECRET"]) == 40
    assert {**made(root), "TOKEN_SECRET": ""} == {**kept, "TOKEN_SECRET": ""}


def test_passwords_differ() -> None:
    assert random_password() != random_password()


def test_the_example_has_no_password_and_explains_every_knob() -> None:
    assert {name for name, value in values(EXAMPLE).items() if not value} == SECRETS
    bare = [block for block in re.split(r"\n\n+", EXAMPLE) if "=" in block and not block.lstrip().startswith("#")]
    assert bare == []


def test_it_is_never_committed() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text("utf-8").split()
