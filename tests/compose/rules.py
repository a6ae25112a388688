"""
The rules of docker-compose.yml: each looks at the text of the file and says what breaks it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from deploy.env import values
from tests.compose.files import EXAMPLE, OURS, ROOT, as_run, references, services, strings

REQUIRED = ":?run make env"
GIGABYTES = 5
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|PASSPHRASE", re.I)
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
_TOP = {"services", "volumes", "networks", "secrets"}
_SERVICE = {
    "build", "cap_drop", "command", "depends_on", "entrypoint", "environment", "group_add", "healthcheck", "image",
    "labels", "logging", "mem_limit", "networks", "ports", "read_only", "restart", "secrets", "security_opt",
    "shm_size", "stop_grace_period", "stop_signal", "tmpfs", "ulimits", "user", "volumes", "working_dir",
}
_WITHIN = {
    "build": {"args", "context", "dockerfile", "target"},
    "healthcheck": {"disable", "interval", "retries", "start_period", "test", "timeout"},
    "logging": {"driver", "options"},
}
"""Keys that this file may use, out of those that compose 1.29 and every later one know alike."""
_POWERS = {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "userns_mode", "sysctls", "volumes_from"}

Rule = Callable[[str], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    RULES[function.__name__] = function
    return function


@rule
def only_keys_that_every_compose_knows(text: str) -> Iterator[str]:
    """What values they take is compose's own to say: `make test-compose` asks it."""
    loaded = as_run(text)
    yield from (f"{key} at the top" for key in loaded if key not in _TOP and not key.startswith("x-"))
    for name, service in loaded["services"].items():
        yield from (f"{name}.{key}" for key in service if key not in _SERVICE | _POWERS)
        for part, known in _WITHIN.items():
            yield from (f"{name}.{part}.{key}" for key in service.get(part) or {} if key not in known)
        for other, wish in (service.get("depends_on") or {}).items():
            if not isinstance(wish, dict) or set(wish) != {"condition"}:
                yield f"{name}.depends_on.{other} is {wish}"


@rule
def every_port_is_on_loopback_and_chosen_in_env(text: str) -> Iterator[str]:
    for name, service in services(text).items():
        for port in service.get("ports", []):
            if not re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:\?run make env\}:\d+", str(port)):
                yield f"{name} publishes {port}"


@rule
def every_image_is_chosen_in_env(text: str) -> Iterator[str]:
    for name, service in services(text).items():
        if not re.fullmatch(r"\$\{[A-Z]+_IMAGE:\?run make env\}", service["image"]):
            yield f"{name} runs {service['image']}"


@rule
def no_variable_has_a_default_or_may_be_missing(text: str) -> Iterator[str]:
    yield from (name for name, otherwise in references(text) if otherwise != REQUIRED)


@rule
def no_secret_stands_in_the_file(text: str) -> Iterator[str]:
    for path, value in strings(services(text)):
        if _SECRET.search(path.rpartition(".")[2]) and not re.fullmatch(r"\$\{\w+:\?run make env\}", value):
            yield f"{path} is {value}"
        for password in re.findall(r"//[^/@\s:]*:([^@\s]*(?:\$\{[^}]*\})?)@", value):
            if not re.fullmatch(r"\$\{\w+:\?run make env\}", password):
                yield f"{path} has the password {password}"


@rule
def every_variable_stands_in_the_example_and_the_other_way_round(text: str) -> Iterator[str]:
    used, known = {name for name, _ in references(text)}, set(values(EXAMPLE))
    yield from (f"{name} is not in .env.example" for name in sorted(used - known))
    yield from (f"{name} is in .env.example and nobody reads it" for name in sorted(known - used))


@rule
def no_container_can_gain_anything(text: str) -> Iterator[str]:
    for name, service in services(text).items():
        if service.get("cap_drop") != ["ALL"]:
            yield f"{name} keeps capabilities"
        if service.get("security_opt") != ["no-new-privileges:true"]:
            yield f"{name} may gain privileges"
        yield from (f"{name} has {power}" for power in sorted(_POWERS) if power in service)
        if re.match(r"(0|root)(:|$)", str(service.get("user", ""))):
            yield f"{name} runs as root"


@rule
def our_containers_are_not_root_and_write_to_volumes_only(text: str) -> Iterator[str]:
    for name, service in services(text).items():
        if service["image"] != OURS:
            continue
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(service.get("user"))):
            yield f"{name} runs as {service.get('user')}"
        if service.get("read_only") is not True:
            yield f"{name} can write to its root file system"


@rule
def memory_is_bounded_and_fits_a_laptop(text: str) -> Iterator[str]:
    total = 0
    for name, service in services(text).items():
        limit = re.fullmatch(r"(\d+)([kmg])", str(service.get("mem_limit")))
        if limit is None:
            yield f"{name} has no limit"
            continue
        total += int(limit[1]) * _UNITS[limit[2]]
    if total > GIGABYTES * 10**9:
        yield f"{total / 10**9:.2f} GB together"


@rule
def what_containers_print_and_keep_in_memory_is_bounded(text: str) -> Iterator[str]:
    for name, service in services(text).items():
        logging = service.get("logging", {})
        options = logging.get("options", {})
        if logging.get("driver") != "json-file" or not {"max-size", "max-file"} <= set(options):
            yield f"{name} prints without end"
        yield from (f"{name} has {mount} without a size" for mount in service.get("tmpfs", []) if "size=" not in mount)


@rule
def servers_come_back_and_set_up_ends(text: str) -> Iterator[str]:
    """`always` would start again what somebody has stopped; `on-failure` without a number would try for ever."""
    for name, service in services(text).items():
        wanted = r"on-failure:[1-9]" if name.endswith("setup") else "unless-stopped"
        if not re.fullmatch(wanted, str(service.get("restart"))):
            yield f"{name} restarts {service.get('restart')}"


@rule
def metrics_and_notifications_end(text: str) -> Iterator[str]:
    commands = {name: " ".join(map(str, service.get("command", []))) for name, service in services(text).items()}
    for name, flag in (
        ("prometheus", r"--storage\.tsdb\.retention\.time=\d+d( |$)"),
        ("prometheus", r"--storage\.tsdb\.retention\.size=\d+MB( |$)"),
        ("alertmanager", r"--data\.retention=\d+h( |$)"),
    ):
        if not re.search(flag, commands[name]):
            yield f"{name} has nothing like {flag}"


@rule
def every_server_has_a_health_check_with_a_pace(text: str) -> Iterator[str]:
    for name, service in services(text).items():
        check = service.get("healthcheck", {})
        if name.endswith("setup"):
            if check != {"disable": True}:
                yield f"{name} inherits the image's check, and answers nobody"
        elif service["image"] == OURS:  # the image has the check; the port is the service's
            port = re.search(r":(\d+)/readyz$", service["environment"].get("READY_URL", ""))
            own = service["environment"].get(f"{name.upper()}_PORT")
            if port is None or port[1] != own:
                yield f"{name} listens on {own} and is asked at {service['environment'].get('READY_URL')}"
        elif not {"test", "interval", "timeout", "start_period", "retries"} <= set(check):
            yield f"{name} has no complete health check"


@rule
def nothing_waits_for_what_cannot_become_true(text: str) -> Iterator[str]:
    known = services(text)
    for name, service in known.items():
        for other, wish in service.get("depends_on", {}).items():
            condition = "service_completed_successfully" if other.endswith("setup") else "service_healthy"
            if other not in known or wish != {"condition": condition}:
                yield f"{name} waits for {other}: {wish}"


@rule
def what_is_mounted_exists_and_cannot_be_written(text: str) -> Iterator[str]:
    """Docker would make a missing file a directory, owned by root, and start."""
    loaded = as_run(text)
    used = set()
    for name, service in loaded["services"].items():
        for mount in service.get("volumes", []):
            source, _, rest = str(mount).partition(":")
            if not source.startswith("./"):
                used.add(source)
            elif not (ROOT / source).exists():
                yield f"{name} mounts {source}, which does not exist"
            elif not rest.endswith(":ro"):
                yield f"{name} may write to {source}"
    if used != set(loaded["volumes"]):
        yield f"volumes: {sorted(used ^ set(loaded['volumes']))}"
