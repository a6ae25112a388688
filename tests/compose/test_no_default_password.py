"""No file of the stack has a password in it: each is read from the environment, where `make env` put a random one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.compose.files import ROOT, uncommented

FILES = sorted(
    path for pattern in ("*.yml", "*.conf", ".env.example", "deploy/**/*", "dashboards/**/*", ".github/**/*")
    for path in ROOT.glob(pattern) if path.is_file() and path.suffix not in (".py", ".pyc")
)
_ASSIGNED = re.compile(r"""(?i)\b\w*(?:password|passwd|secret|api_?key|token)\w*["']?[ \t]*(?::|=>|=)[ \t]*(\S.*)""")
_IN_ADDRESS = re.compile(r"//[^/\s:@]*:([^/\s@]+)@")
_REFERENCE = re.compile(r"""\$\$?(?:\{[^}]*\}|\w+)|:'\w+'""")


def literals(text: str) -> list[str]:
    """What is given as a password and is no reference to a variable."""
    code = _REFERENCE.sub("<>", uncommented(text))
    values = [match[1] for match in _ASSIGNED.finditer(code)] + [match[1] for match in _IN_ADDRESS.finditer(code)]
    return [value for value in values if not value.strip("\"'").startswith("<>")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_has_a_password(path: Path) -> None:
    assert literals(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "basicAuthPassword: changeme", "  password: 'admin'", "http://elastic:changeme@elasticsearch:9200",
        'password => "changeme"', "GF_SECURITY_ADMIN_PASSWORD=admin", '"password": "x"', "api_key: abc",
    ],
)
def test_a_password_is_noticed(line: str) -> None:
    assert literals(f"a: 1\n{line}\n") != []
