"""An Elasticsearch with security on, as nobody's process, on the loopback interface only."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.real.peers import toolchains
from tests.real.peers.elasticsearch_files import PLUGIN
from tests.real.peers.providing import Peers
from tests.real.peers.server import Server
from tests.support.ports import free_port
from tests.support.running import Answer

SETTINGS = """\
cluster.name: clew-test
node.name: n1
network.host: 127.0.0.1
discovery.type: single-node
xpack.security.enabled: {security}
xpack.security.autoconfiguration.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
path.data: {home}/data
path.logs: {home}/logs
http.port: {port}
transport.port: {transport}
"""


class Elasticsearch(Server):
    """
    :param with_shim: whether it gets the doors that Elastic does not publish. `ready` does not need them.
    :param secure: with the password *password* for the user `elastic`; else everybody may do everything.
    """

    name = "elasticsearch"
    ready = "/_cluster/health?wait_for_status=yellow&timeout=20s"
    start_within_s = 180.0

    def __init__(self, peers: Peers, *, with_shim: bool = True, secure: bool = True) -> None:
        # Not below a directory of pytest's, which nobody else may enter.
        home = Path(tempfile.mkdtemp(prefix="clew-elasticsearch-"))
        super().__init__(home, free_port())
        self.password = secrets.token_urlsafe(16) if secure else ""
        self._java_home = peers.java_home
        self._as_nobody = toolchains.as_nobody()
        # A copy of its own: whoever runs it may not be able to enter our cache, and the shim is for some only.
        self._program = home / "program"
        shutil.copytree(peers.elasticsearch, self._program, copy_function=_link, symlinks=True)
        if with_shim and peers.shim is not None:
            shutil.copytree(peers.shim, self._program / "plugins" / PLUGIN)
        self._configure()
        if self._as_nobody:
            for path in (home, *home.glob("[!p]*"), *(home / "config").rglob("*")):
                os.chown(path, toolchains.NOBODY, toolchains.NOBODY)
        if secure:
            self._keep_password()

    def remove(self) -> None:
        """End it and delete its data."""
        self.stop()
        shutil.rmtree(self.home)

    def command(self) -> tuple[str, ...]:
        return (*self._as_nobody, str(self._program / "bin" / "elasticsearch"))

    def environ(self) -> Mapping[str, str]:
        return {
            **super().environ(),
            "ES_HOME": str(self._program), "ES_PATH_CONF": str(self.home / "config"),
            "ES_JAVA_HOME": str(self._java_home), "ES_TMPDIR": str(self.home / "tmp"),
            # A small heap, and the quick compiler only: it lives for minutes, on a machine that others use.
            "ES_JAVA_OPTS": "-Xms320m -Xmx320m -XX:TieredStopAtLevel=1 -XX:-AlwaysPreTouch",
            "CLI_JAVA_OPTS": "-Xmx64m -XX:TieredStopAtLevel=1",
        }

    def ask(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None,
        timeout_s: float = 30.0, user: str = "elastic", password: str | None = None,
    ) -> Answer:
        known = self.password if password is None else password
        account = base64.b64encode(f"{user}:{known}".encode()).decode()
        sent = {"Authorization": f"Basic {account}"} if known else {}
        return super().ask(method, path, body, headers={**sent, **(headers or {})}, timeout_s=timeout_s)

    def do(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer 2xx, asked as `elastic`."""
        answer = self.ask(method, path, body)
        assert answer.status in (200, 201), (method, path, answer)
        return answer.json

    def documents(self, index: str, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Every hit of *query* (default: all), however many there are. What was written before is seen."""
        self.do("POST", f"/{index}/_refresh")
        point = self.do("POST", f"/{index}/_pit?keep_alive=1m&allow_partial_search_results=false")["id"]
        hits: list[dict[str, Any]] = []
        after: list[Any] | None = None
        while True:
            asked: dict[str, Any] = {
                "size": 2000, "query": query or {"match_all": {}}, "pit": {"id": point, "keep_alive": "1m"},
                "sort": [{"_shard_doc": "asc"}], "track_total_hits": False, "version": True,
            }
            page = self.do("POST", "/_search", asked | ({"search_after": after} if after else {}))["hits"]["hits"]
            hits.extend(page)
            if len(page) < 2000:
                self.do("DELETE", "/_pit", {"id": point})
                return hits
            after = page[-1]["sort"]

    def _configure(self) -> None:
        for name in ("data", "logs", "tmp"):
            (self.home / name).mkdir()
        config = self.home / "config"
        shutil.copytree(self._program / "config", config, copy_function=shutil.copy)
        options = (config / "jvm.options").read_text("utf-8").splitlines(keepends=True)
        (config / "jvm.options").write_text("".join(o for o in options if not o.startswith("-Xlog:gc")), "utf-8")
        (config / "elasticsearch.yml").write_text(
            SETTINGS.format(
                security=str(bool(self.password)).lower(), home=self.home, port=self.port, transport=free_port()
            ), "utf-8"
        )

    def _keep_password(self) -> None:
        tool = str(self._program / "bin" / "elasticsearch-keystore")
        command: Iterable[str] = (*self._as_nobody, tool, "add", "--force", "--stdin", "bootstrap.password")
        ran = subprocess.run(
            [*command], input=self.password, text=True, capture_output=True, env=self.environ(), cwd=self.home,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def _link(source: str, target: str) -> None:
    """A hard link where that works: 150 MB less to write."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
