"""
``make test-compose``: build the image and run docker-compose.yml on a Docker engine. It fails where there is none.

What runs is ours: the image, the three services, the two set-up containers, their wiring. Postgres is the upstream
image where it can be pulled, and Debian's package otherwise. In place of Elasticsearch, Logstash, Kibana, Prometheus,
Alertmanager, Jaeger and Grafana stands a small server that answers. What they themselves make of our files needs their
images: `python -m deploy.smoke` asks them after `docker compose up`, and `make test-real` four of them without images.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy.env import values
from tests.compose.files import EXAMPLE
from tests.compose_engine.engine import NoEngine, find
from tests.compose_engine.images import provide


def main(arguments: list[str]) -> int:
    try:
        engine = find()
        provide(engine, values(EXAMPLE))
    except NoEngine as why:
        sys.stderr.write(f"{why}\n")
        return 1
    print(f"{engine.version}, compose as {' and '.join(' '.join(tool) for tool in engine.tools)}", flush=True)
    print((__doc__ or "").partition("\n\n")[2], flush=True)
    command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), "--timeout=1200", *arguments]
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
