"""
What `prometheus.yml` asks for and the embedded stack leaves to a real Prometheus: said at each start, line by line.
"""

from __future__ import annotations

from clew.intake.prometheus_rules import RuleGroup
from clew.stack.config import StackConfig
from clew.stack.targets import ELSEWHERE


def notices(config: StackConfig) -> tuple[str, ...]:
    """One sentence for each rule file, for the Alertmanagers, and for each target that is not scraped here."""
    every_s = config.prometheus.evaluation_interval_s
    receivers = ", ".join(config.prometheus.alertmanagers)
    return (
        *(f"{name}: {_contents(groups, every_s)}" for name, groups in config.rules.items()),
        *([f"prometheus.yml: Prometheus sends alerts to {receivers}; none are sent here."] if receivers else ()),
        *(
            f"prometheus.yml: {target.address} of the job {job.name} is not scraped here. {ELSEWHERE[target.address]}."
            for job in config.prometheus.jobs
            for target in job.targets
            if target.address in ELSEWHERE
        ),
    )


def _contents(groups: tuple[RuleGroup, ...], every_s: float) -> str:
    rules = sum(len(group.rules) for group in groups)
    paces = sorted({group.interval_s or every_s for group in groups})
    pace = f", every {' and '.join(f'{seconds:g}' for seconds in paces)} s" if paces else ""
    return f"{rules} rule{'' if rules == 1 else 's'} checked. Prometheus evaluates them{pace}; nothing here does."
