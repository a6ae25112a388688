"""A Postgres of our own: Debian's binaries, a temporary directory, a free port of the loopback interface."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg

from clew.supervisor import processes
from tests.support.ports import free_port
from tests.support.waiting import eventually

ROLE = "clew"


class NoPostgres(Exception):
    """There is none, and none can be installed; the message says what to do."""


def binaries() -> Path | None:
    """The directory of `initdb` and `postgres`; None when there is none. Debian does not put it on the PATH."""
    on_path = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    for directory in ([Path(on_path).resolve().parent] if on_path else []) + versions[::-1]:
        if all(os.access(directory / program, os.X_OK) for program in ("initdb", "postgres")):
            return directory
    return None


def install(say: Callable[[str], object]) -> Path:
    """
    Debian's package, as root.

    :raises NoPostgres: when that does not work.
    """
    how = "Install Debian's package: apt-get install postgresql. Then run make test-real again."
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoPostgres(f"There is no Postgres here, and only root can install one with apt-get. {how}")
    say("There is no Postgres here. Installing Debian's package postgresql.")
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "postgresql"]):
        ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=600)
        if ran.returncode:
            raise NoPostgres(f"{' '.join(command)} failed: {ran.stderr.strip()[-500:]}\n{how}")
    found = binaries()
    if found is None:
        raise NoPostgres(f"The package postgresql is installed, but has no initdb in /usr/lib/postgresql. {how}")
    return found


class Postgres:
    """
    A server that is started, stopped and started again with the same data and port. It does not run as root.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._home = Path(tempfile.mkdtemp(prefix="clew-postgres-"))
        self._data = self._home / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._user = _unprivileged()
        if self._user is not None:
            shutil.chown(self._home, self._user)
        options = ("--auth=trust", f"--username={ROLE}", "--encoding=UTF8", "--no-locale", "--no-sync")
        self._run("initdb", "--pgdata", str(self._data), *options)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{ROLE}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """The rows of one statement, on a connection of its own, outside of a transaction."""
        with closing(
            psycopg.connect(host="127.0.0.1", port=self.port, user=ROLE, dbname=database, autocommit=True)
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off"}
        chosen = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        with open(self._home / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self._data), *chosen], stdout=log, stderr=log,
                cwd=self._home, user=self._user, group=_group(self._user), start_new_session=True,
            )
        eventually(self._answers, timeout_s=30, what=f"Postgres answers on port {self.port}")

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT: Postgres' fast shutdown; SIGQUIT: its immediate one. Both cut every connection."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """SIGKILL; its children notice and end, and only then could another server start with the same data."""
        assert self._process is not None
        pid = self._process.pid
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        self.stop(signal.SIGKILL)
        eventually(lambda: not any(map(processes.identity, children)), what="the children of a killed Postgres end")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._home / "log").read_text("utf-8", "replace")[-2000:]
        try:
            return bool(self.execute("SELECT 1"))
        except psycopg.OperationalError:
            return False

    def _run(self, program: str, *arguments: str) -> None:
        ran = subprocess.run(
            [str(self._programs / program), *arguments], cwd=self._home, capture_output=True, text=True, timeout=60,
            user=self._user, group=_group(self._user),
        )
        assert ran.returncode == 0, ran.stderr


def _unprivileged() -> str | None:
    """Whom the server runs as; None: as we do. It refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user is not None else None
