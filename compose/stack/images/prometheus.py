"""Prometheus: what it would ask a DNS server for, it is told."""

from pathlib import Path
from typing import Any

import yaml

from compose.stack.plan import Plan, require

CONFIGURATION = "/etc/prometheus/prometheus.yml"


def run_here(plan: Plan) -> None:
    """Run Debian's server on the volume, without its own page assets."""
    plan.command = [require("prometheus", "prometheus"), *plan.command]
    require("wget", "wget")
    plan.folder = plan.places.at(CONFIGURATION).parent
    _name_replicas(plan.places.at(CONFIGURATION), plan)


def _name_replicas(configuration: Path, plan: Plan) -> None:
    given = yaml.safe_load(configuration.read_text())
    for scraped in given["scrape_configs"]:
        looked_up = scraped.pop("dns_sd_configs", [])
        if looked_up:
            scraped["static_configs"] = [found for each in looked_up for found in _found(each, plan)]
    configuration.write_text(yaml.safe_dump(given, sort_keys=False))


def _found(asked: dict[str, Any], plan: Plan) -> list[dict[str, Any]]:
    """Return what a lookup would find, with the label that says by which name."""
    return [
        {
            "targets": [f"{here}:{asked['port']}" for here in plan.addresses.all_of(name)],
            "labels": {"__meta_dns_name": name},
        }
        for name in asked["names"]
        if plan.addresses.all_of(name)
    ]
