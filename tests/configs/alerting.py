"""Alerts, where they are sent, and where they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.configs.files import ALERTMANAGER, COMPOSE, Files
from tests.configs.known import OF_EVERY_SERIES, series

OF_AN_ALERT = {"alertname", "severity"}


def routes(files: Files) -> Iterator[str]:
    """Routes and inhibitions are about alerts and labels that exist."""
    config = files.yaml(ALERTMANAGER)
    values = {
        "alertname": {rule["alert"] for _, rule in files.rules()},
        "severity": {rule["labels"]["severity"] for _, rule in files.rules()},
    }
    labels = OF_AN_ALERT | OF_EVERY_SERIES | {label for of in series().values() for label in of}
    receivers = {receiver["name"] for receiver in config["receivers"]}
    tree = [config["route"], *config["route"].get("routes", [])]
    rules = config["inhibit_rules"]
    matchers = [m for route in tree for m in route.get("matchers", [])]
    matchers += [m for rule in rules for side in ("source_matchers", "target_matchers") for m in rule[side]]
    for matcher in matchers:
        match = re.fullmatch(r"(\w+) = \"(\w+)\"", matcher)
        if match is None or match[2] not in values.get(match[1], ()):
            yield f"no alert has {matcher}"
    for label in [*config["route"]["group_by"], *(label for rule in rules for label in rule["equal"])]:
        if label not in labels:
            yield f"no alert has the label {label}"
    yield from (f"there is no receiver {route['receiver']}" for route in tree if route["receiver"] not in receivers)
    severities = {match[1] for matcher in matchers if (match := re.fullmatch(r'severity = "(\w+)"', matcher))}
    yield from (f"{ALERTMANAGER} says nothing of severity {name}" for name in sorted(values["severity"] - severities))
    told = f"--config.file=/etc/alertmanager/{ALERTMANAGER.rpartition('/')[2]}"
    if told not in files.compose()["alertmanager"]["command"]:
        yield f"{COMPOSE} does not tell Alertmanager to read {ALERTMANAGER}"


def runbooks(files: Files) -> Iterator[str]:
    """Each alert leads to a section of its own, and each section is some alert's."""
    asked: dict[str, set[str]] = {}
    for _, rule in files.rules():
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        asked.setdefault(page, set()).add(anchor)
        if anchor != rule["alert"].lower():
            yield f"{rule['alert']} leads to {anchor}"
        if not rule["annotations"].get("summary"):
            yield f"{rule['alert']} has no summary"
    for page, anchors in asked.items():
        if not files.exists(page):
            yield f"there is no {page}"
            continue
        there = {line[3:].lower() for line in files.text(page).splitlines() if line.startswith("## ")}
        yield from (f"{page} has no section {anchor}" for anchor in sorted(anchors - there))
        yield from (f"{page} has a section {anchor}, which no alert leads to" for anchor in sorted(there - anchors))


def proven(files: Files) -> Iterator[str]:
    """Each alert fires in a test of promtool, and stays quiet in one."""
    for path in files.paths("alerts/*.test.yml"):
        loud: set[str] = set()
        quiet: set[str] = set()
        for test in files.yaml(path)["tests"]:
            for expectation in test["alert_rule_test"]:
                (loud if expectation.get("exp_alerts") else quiet).add(expectation["alertname"])
        tested = {f"{path.rpartition('/')[0]}/{name}" for name in files.yaml(path)["rule_files"]}
        names = {rule["alert"] for rules, rule in files.rules() if rules in tested}
        yield from (f"{path}: {name} never fires" for name in sorted(names - loud))
        yield from (f"{path}: {name} is never quiet" for name in sorted(names - quiet))
        yield from (f"{path}: there is no alert {name}" for name in sorted((loud | quiet) - names))


CHECKS = (routes, runbooks, proven)
