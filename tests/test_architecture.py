"""The arrows of docs/architecture.md, read from the imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 400
PUBLIC = {"observability", "observability.testing"}

# (who, may import of ours). The longest prefix that fits a module decides.
ALLOWED: dict[str, tuple[str, ...]] = {
    "observability": ("observability",),
    "services": ("services", "observability"),
    "clew.pipeline": ("clew.pipeline",),
    "clew.store": ("clew.store", "observability"),
    "clew.intake": ("clew.intake", "clew.pipeline", "clew.store", "observability"),
    "clew.query": ("clew.query", "clew.store", "observability"),
    "clew.explorer": ("clew.explorer", "clew.query", "clew.store.model", "observability"),
    "clew.load": ("clew.load",),
    "clew.cli": ("clew", "observability"),
    "clew": ("clew", "observability"),
}
MAY_READ_THE_ENVIRONMENT = re.compile(r"(^|/)(main|stack_main)\.py$")
NO_FLASK = re.compile(r"^services/\w+/(orders|users|sessions|accounts|tokens|passwords|money|ids|store)\.py$")


def modules() -> list[Path]:
    return sorted(p for top in ("observability", "clew", "services") for p in (ROOT / top).rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".") if is_package else module.split(".")[:-1]
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def ours(name: str) -> bool:
    return name.split(".")[0] in ("observability", "services", "clew")


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def complaints(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """What *module* may not import."""
    rule = max((who for who in ALLOWED if within(module, who)), key=len)
    found = []
    for name in imports(ast.parse(source), module, is_package=is_package):
        if not ours(name):
            continue
        if not any(within(name, target) or within(target, name) for target in ALLOWED[rule]):
            found.append(f"{module} imports {name}")
        outside = not within(module, "observability") and within(name, "observability")
        if outside and name.count(".") and ".".join(name.split(".")[:2]) not in PUBLIC and not is_export(name):
            found.append(f"{module} imports {name}, deeper than the public face")
        if re.search(r"(^|\.)(main|stack_main)(\.|$)", name) or (within(name, "clew.cli") and not cli_may(module)):
            found.append(f"{module} imports {name}, which nothing imports")
    return sorted(set(found))


def cli_may(module: str) -> bool:
    return within(module, "clew.cli") or module == "clew.main"


def is_export(name: str) -> bool:
    import observability

    return name.removeprefix("observability.") in observability.__all__


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_arrows_point_one_way(path: Path) -> None:
    assert complaints(name_of(path), path.read_text("utf-8"), is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("observability.telemetry", "import clew.store"),
        ("services.order.app", "from observability.telemetry import Telemetry"),
        ("clew.store.memory", "from clew.query import LogReader"),
        ("clew.pipeline.parser", "from clew.store import LogLine"),
        ("clew.query.find", "import clew.explorer.app"),
        ("clew.explorer.app", "from clew.cli import up"),
        ("clew.intake.tail", "from clew.main import main"),
        ("services.gateway.app", "import clew"),
    ],
)
def test_a_forbidden_arrow_is_found(module: str, source: str) -> None:
    assert complaints(module, source)


def reads_environment(tree: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
        and isinstance(node.value, ast.Name) and node.value.id == "os"
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_composition_roots_read_the_environment(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    assert MAY_READ_THE_ENVIRONMENT.search(place) or not reads_environment(ast.parse(path.read_text("utf-8")))


def test_reading_the_environment_is_found() -> None:
    assert reads_environment(ast.parse("import os\nx = os.environ.get('A')"))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_domain_files_import_no_flask(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    if NO_FLASK.search(place):
        names = imports(ast.parse(path.read_text("utf-8")), name_of(path), is_package=False)
        assert not any(within(name, "flask") for name in names)


def test_no_module_is_longer_than_it_may_be() -> None:
    """A module over 400 lines holds a second idea."""
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_every_cited_decision_exists() -> None:
    texts = [p.read_text("utf-8") for p in [*modules(), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]]
    cited = {number for text in texts for number in re.findall(r"decisions/(\d{4})", text)}
    present = {path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    assert cited - present == set()
