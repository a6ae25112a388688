"""Every service has the same few files, and they know of each other in one direction."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import services

ROOT = Path(services.__file__).parent
FILES = {"__init__.py", "app.py", "main.py", "clients.py", "store.py"}
SERVICES = {
    "gateway": {"has": {"me.py", "rate.py", "counts.py"}, "edge": {"limited.py"}, "lacks": {"store.py"}},
    "order": {"has": {"orders.py", "currencies.py", "listing.py", "once.py"}, "lacks": set()},
    "user": {"has": {"users.py", "passwords.py"}, "lacks": {"clients.py"}},
}
"""*has*: what it is about, its domain. *edge*: what it says in HTTP beside its views.
*lacks*: the gateway keeps nothing; the user service asks nobody."""


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_files_up_to_declared_absences(service: str) -> None:
    files = {path.name for path in (ROOT / service).glob("*.py")}
    declared = SERVICES[service]
    assert files == (FILES | declared["has"] | declared.get("edge", set())) - declared["lacks"]


DOMAIN = [ROOT / service / name for service in sorted(SERVICES) for name in sorted(SERVICES[service]["has"])]


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: path.name)
def test_a_domain_file_knows_neither_flask_nor_sqlalchemy_nor_requests(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & {"flask", "werkzeug", "sqlalchemy", "requests"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_knows_no_other_service(service: str) -> None:
    others = tuple(f"services.{name}" for name in SERVICES if name != service)
    for path in (ROOT / service).glob("*.py"):
        assert not [name for name in imports(path) if name.startswith(others)], path


def test_what_is_shared_knows_no_service() -> None:
    for path in (ROOT / "shared").glob("*.py"):
        assert not [name for name in imports(path) if name.startswith(tuple(f"services.{name}" for name in SERVICES))]


def test_services_import_the_public_face_of_observability_only() -> None:
    for path in ROOT.rglob("*.py"):
        assert not [name for name in imports(path) if name.startswith("observability.")], path


def test_only_a_main_reads_the_environment() -> None:
    for path in ROOT.rglob("*.py"):
        if path.name != "main.py":
            assert "environ" not in {
                node.attr for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)
            }, path
