"""Hosts, ports, variables, mounts and accounts: each is named on both sides, or one of them is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from tests.configs.files import COMPOSE, DATASOURCES, ENV, JAEGER, JAEGER_UI, LOGSTASH, PROMETHEUS, PROVIDERS, Files
from tests.configs.known import SERVICES, SETTING_DEFAULTS

VENDOR_PORTS = {
    "postgres": {5432}, "elasticsearch": {9200}, "logstash": {9600}, "kibana": {5601}, "prometheus": {9090},
    "alertmanager": {9093}, "grafana": {3000},
}  # fmt: skip
"""Where a vendor's image listens unless told otherwise."""

OF_THE_RUNTIME = {"GOMEMLIMIT", "READY_URL"}
"""Read by Go itself, and by our image's health check."""

PAGES = (
    ("/app/discover", "KIBANA_PORT"), ("/trace/", "JAEGER_PORT"), ("/search", "JAEGER_PORT"), ("/d/", "GRAFANA_PORT"),
    ("/alerts", "PROMETHEUS_PORT"), ("/requests/", "EXPLORER_PORT"),
)  # fmt: skip
"""How the address of a page begins, and the variable with its port on this machine."""

CONFIGURATION = (
    "deploy/*.yml", "deploy/grafana/provisioning/*/*", "deploy/elasticsearch/*", "deploy/kibana/*.py",
    "deploy/postgres/*", "alerts/*.rules.yml", "dashboards/*/*",
)  # fmt: skip
"""What is there to be mounted."""

_URL = re.compile(r"[a-z]+(?:\+[a-z]+)?://[^\s\"'}\]\\<>]+")
_VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)")


def ports(files: Files, service: str) -> set[int]:
    """Where *service* listens inside the compose network."""
    if service in SERVICES:
        return {int(files.environment(service)[f"{service.upper()}_PORT"])}
    if service == "jaeger":
        found = {int(port) for port in re.findall(r"endpoint: 0\.0\.0\.0:(\d+)", files.text(JAEGER))}
        return found | {int(port) for port in re.findall(r"port: (\d+)", files.text(JAEGER))}
    return VENDOR_PORTS.get(service, set())


def variables(files: Files) -> Iterator[str]:
    used, known = set(_VARIABLE.findall(files.text(COMPOSE))), set(files.knobs())
    yield from (f"{COMPOSE} uses {name}, which is not in {ENV}" for name in sorted(used - known))
    yield from (f"{ENV} has {name}, which {COMPOSE} does not use" for name in sorted(known - used))
    for name, service in files.compose().items():
        image = service["image"]
        if not re.match(r"\$\{[A-Z]+_IMAGE\b", image):
            yield f"the image of {name} is {image}, not a variable of {ENV}"


def listeners(files: Files) -> Iterator[str]:
    """What is published is where somebody listens, at the port that .env.example says for it."""
    for name, service in files.compose().items():
        for entry in service.get("ports", []):
            match = re.fullmatch(r"127\.0\.0\.1:\$\{([A-Z]+_PORT)[^}]*\}:(\d+)", entry)
            if match is None:
                yield f"{name} publishes {entry}, not 127.0.0.1:${{NAME_PORT}}:port"
                continue
            if int(match[2]) not in ports(files, name):
                yield f"{name} publishes {match[2]}, where nothing of it listens"
            if files.knobs().get(match[1]) != match[2]:
                yield f"{match[1]} is {files.knobs().get(match[1])} in {ENV}, and {match[2]} inside of {name}"


def _is_reached(files: Files, address: str) -> str:
    """Why nobody is at *address* (host:port) inside the compose network; empty if somebody is."""
    host, _, port = address.rpartition(":")
    if host not in files.compose():
        return f"{address}: there is no service {host} in {COMPOSE}"
    return "" if int(port) in ports(files, host) else f"{address}: {host} does not listen there"


def scraped(files: Files) -> Iterator[str]:
    config = files.yaml(PROMETHEUS)
    jobs = {job["job_name"]: [t for group in job["static_configs"] for t in group["targets"]]
            for job in config["scrape_configs"]}  # fmt: skip
    yield from (f"{PROMETHEUS} has no job for the service {name}" for name in SERVICES if name not in jobs)
    for name, targets in jobs.items():
        for target in targets:
            if target.rpartition(":")[0] != name:
                yield f"the job {name} scrapes {target}; job and service have one name"
            yield from filter(None, [_is_reached(files, target)])
    exporter = files.jaeger()["exporters"]["prometheus"]["endpoint"].rpartition(":")[2]
    if jobs.get("jaeger") != [f"jaeger:{exporter}"]:
        yield f"span metrics are at jaeger:{exporter}, and the job jaeger scrapes {jobs.get('jaeger')}"
    for manager in config["alerting"]["alertmanagers"]:
        for group in manager["static_configs"]:
            yield from filter(None, (_is_reached(files, target) for target in group["targets"]))
    place = next((at for at, file in files.mounts("prometheus").items() if file == PROMETHEUS), "/?").rpartition("/")[0]
    for pattern in config["rule_files"]:
        if f"{place}/{pattern}".rpartition("/")[0] not in files.mounts("prometheus"):
            yield f"rule file {pattern}: {COMPOSE} mounts nothing at {place}/{pattern.rpartition('/')[0]}"
        if not files.paths(pattern):
            yield f"rule file {pattern}: there is none"
    if "--enable-feature=exemplar-storage" not in files.compose()["prometheus"]["command"]:
        yield "prometheus does not keep exemplars: --enable-feature=exemplar-storage is missing"


def mounts(files: Files) -> Iterator[str]:
    mounted: set[str] = set()
    for name in files.compose():
        sources = files.mounts(name)
        mounted |= set(sources.values())
        lost = (source for source in sources.values() if not files.exists(source))
        yield from (f"{name} mounts {source}, which is not there" for source in lost)
        for argument in files.compose()[name].get("command", []):
            path = str(argument).rpartition("=")[2]
            if re.search(r"\.(yml|py|json)$", path) and not _below(path, sources):
                yield f"{name} is told to read {path}, and nothing is mounted there"
    found = (path for pattern in CONFIGURATION for path in files.paths(pattern))
    for path in (LOGSTASH, PROMETHEUS, JAEGER_UI, *found):
        if not any(path == source or path.startswith(source + "/") for source in mounted):
            yield f"{path} is mounted into no container"
    folder = files.yaml(PROVIDERS)["providers"][0]["options"]["path"]
    if folder not in files.mounts("grafana"):
        yield f"Grafana looks for dashboards in {folder}, where nothing is mounted"
    page = re.search(r"config_file: \$\{env:\w+:-([^}]+)\}", files.text(JAEGER))
    if page is None or files.mounts("jaeger").get(page[1]) != JAEGER_UI:
        yield f"Jaeger reads {page and page[1]} for its pages, where {JAEGER_UI} is not mounted"


def _below(path: str, sources: Mapping[str, str]) -> bool:
    return any(path == target or path.startswith(target.rstrip("/") + "/") for target in sources)


def environments(files: Files) -> Iterator[str]:
    """Whoever is given a variable reads it, and whoever reads one is given it."""
    for service in SERVICES:
        for name in files.environment(service):
            if name not in OF_THE_RUNTIME and name.removesuffix("_FILE") not in SETTING_DEFAULTS:
                yield f"{service} is given {name}, which is no setting"
    reads = {
        "jaeger": re.findall(r"\$\{env:([A-Z_]+)\}", files.text(JAEGER)),
        "grafana": re.findall(r"(?<!\$)\$\{?([A-Z][A-Z0-9_]+)", _code(files.text(DATASOURCES))),
        "logstash": re.findall(r"\$\{([A-Z_]+)\}", _code(files.text(LOGSTASH))),
    }
    for service, names in reads.items():
        for name in names:
            if name not in files.environment(service):
                yield f"{service} reads {name}, and {COMPOSE} does not give it"
    for name in files.environment("jaeger"):
        if name not in OF_THE_RUNTIME and f"${{env:{name}" not in files.text(JAEGER):
            yield f"jaeger is given {name}, which {JAEGER} does not read"
    for service in ("setup", "kibana-setup"):
        script = files.mounts(service)["/setup"] + "/setup.py"
        for name in files.environment(service):
            if name not in files.text(script):
                yield f"{service} is given {name}, which {script} does not read"
    texts = {COMPOSE: _environment_urls(files), LOGSTASH: files.text(LOGSTASH), JAEGER: files.text(JAEGER),
             DATASOURCES: files.text(DATASOURCES)}  # fmt: skip
    for path, text in texts.items():
        for url in _URL.findall(_code(text)):
            address = urlsplit(re.sub(r"\$\{[^}]*\}?", "x", url)).netloc.rpartition("@")[2]
            if not address.startswith(("127.0.0.1", "localhost")):
                yield from (f"{path}: {why}" for why in filter(None, [_is_reached(files, address)]))


def _environment_urls(files: Files) -> str:
    return "\n".join(
        re.sub(r"\$\{[^}]*\}", "x", value)
        for name in files.compose()
        for value in files.environment(name).values()
        if "127.0.0.1" not in value
    )


def _code(text: str) -> str:
    """Without lines that are comments."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def accounts(files: Files) -> Iterator[str]:
    """Each account has a role, and each role an account that uses it."""
    roles = {path.rpartition("/")[2].removesuffix(".json") for path in files.paths("deploy/elasticsearch/roles/*.json")}
    used = {
        "jaeger": files.span_storage()["auth"]["basic"]["username"],
        "grafana": files.datasources()["elasticsearch"]["basicAuthUser"],
        "logstash": str(urlsplit(files.environment("logstash")["ELASTICSEARCH_URL"].partition(":$")[0]).netloc),
    }
    yield from (f"{who} is {name}, which has no role in deploy/elasticsearch/roles" for who, name in used.items()
                if name not in roles)  # fmt: skip
    yield from (f"nobody uses the role {role}" for role in sorted(roles - set(used.values())))


def storage(files: Files) -> Iterator[str]:
    """Inside of Jaeger's own file: what one part names, another one is."""
    config = files.jaeger()
    kept = config["extensions"]["jaeger_storage"]
    asked = config["extensions"]["jaeger_query"]["storage"]
    for what, name, there in (
        ("exporter", config["exporters"]["jaeger_storage_exporter"]["trace_storage"], kept["backends"]),
        ("query", asked["traces"], kept["backends"]),
        ("Monitor tab", asked.get("metrics"), kept["metric_backends"]),
    ):
        if name not in there:
            yield f"{JAEGER}: the {what} names the storage {name}, and there are {', '.join(there)}"


def links(files: Files) -> Iterator[str]:
    """What a browser is sent to is published, at the port of .env.example."""
    texts = [JAEGER_UI, *files.paths("dashboards/*/*")]
    for path in texts:
        for url in _URL.findall(files.text(path)):
            parts = urlsplit(url)
            page = next((port for start, port in PAGES if parts.path.startswith(start)), None)
            if page is None:
                yield f"{path}: {url} is no page that we know"
                continue
            port = files.knobs().get(page) or SETTING_DEFAULTS.get(page)
            if parts.netloc != f"127.0.0.1:{port}":
                yield f"{path}: {parts.path} is at 127.0.0.1:{port} ({page}), not at {parts.netloc}"


CHECKS = (variables, listeners, scraped, mounts, environments, accounts, storage, links)
