"""
The two images that are not ours and that something of ours runs on: Python's and Postgres'. Upstream's where they can
be pulled, else stand-ins made of Debian's packages, under names of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.compose_engine.engine import BUILD_WITHIN_S, Engine, NoEngine

STAND_INS = Path(__file__).resolve().parent / "stand_ins"
BASE = "clew-test-python:bookworm"
POSTGRES = "clew-test-postgres:bookworm"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def provide(engine: Engine, pinned: Mapping[str, str]) -> dict[str, str]:
    """
    Image by variable of .env: what *pinned* says, or its stand-in.

    :raises NoEngine: neither can be had.
    """
    chosen = {}
    for variable, stand_in in (("PYTHON_IMAGE", BASE), ("POSTGRES_IMAGE", POSTGRES)):
        name = pinned[variable]
        there = engine.works("image", "inspect", name) or engine.works("pull", "--quiet", name, within_s=600)
        chosen[variable] = name if there else stand_in
        if not there:
            print(f"{name} cannot be pulled here; {stand_in} stands in for it.", flush=True)
    if BASE in chosen.values() or POSTGRES in chosen.values():
        _make_base(engine)
    if chosen["POSTGRES_IMAGE"] == POSTGRES:
        engine.run(
            "build", "--tag", POSTGRES, "--build-arg", f"BASE={BASE}", "--file", str(STAND_INS / "postgres.Dockerfile"),
            str(STAND_INS), within_s=BUILD_WITHIN_S,
        )
    return chosen


def _make_base(engine: Engine) -> None:
    """Debian with Python, and with the certificates that this machine trusts: a build may have to pass its proxy."""
    if engine.works("image", "inspect", BASE):
        return
    debootstrap = shutil.which("debootstrap")
    if debootstrap is None or os.geteuid() != 0:
        raise NoEngine(
            "No image can be pulled here, and a base image can be made by root only, with debootstrap. Log in to a "
            "registry, or: apt-get install debootstrap. Then run make test-compose again."
        )
    with tempfile.TemporaryDirectory() as made:
        root = Path(made) / "root"
        packages = "python3,python3-venv,python3-pip,ca-certificates"
        _check([debootstrap, "--variant=minbase", f"--include={packages}", "bookworm", str(root)])
        if Path(_CERTIFICATES).exists():
            shutil.copyfile(_CERTIFICATES, root / _CERTIFICATES.lstrip("/"))
        archive = Path(made) / "root.tar"
        _check(["tar", "--create", "--file", str(archive), "--directory", str(root), "."])
        trust = " ".join(f"{name}={_CERTIFICATES}" for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"))
        engine.run("import", "--change", f"ENV {trust}", str(archive), BASE, within_s=300)


def _check(command: list[str]) -> None:
    ran = subprocess.run(["nice", *command], capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, f"{command[0]}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}"
