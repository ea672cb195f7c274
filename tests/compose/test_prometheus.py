"""Prometheus's configuration for Compose: what promtool says, and whether it judges as the other one does."""

import os
import shutil
import subprocess

import pytest
import yaml

from tests.support.servers import ServerMissing, require

from .reading import COMPOSE, ROOT, services

MONITORING = ROOT / "monitoring" / "prometheus"


def test_promtool_takes_it(tmp_path):
    try:
        promtool = require("promtool", "prometheus")
    except ServerMissing as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    # Laid out as the service mounts it.
    shutil.copy(COMPOSE / "prometheus" / "prometheus.yml", tmp_path)
    shutil.copytree(MONITORING / "rules", tmp_path / "rules")
    text = (tmp_path / "prometheus.yml").read_text()
    (tmp_path / "metrics-token").write_text("secret")
    (tmp_path / "prometheus.yml").write_text(text.replace("/run/secrets", str(tmp_path)))

    done = subprocess.run(
        [promtool, "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


def test_it_judges_as_the_other_one_does():
    here = yaml.safe_load((COMPOSE / "prometheus" / "prometheus.yml").read_text())
    there = yaml.safe_load((MONITORING / "prometheus.yml").read_text())

    for name in ("rule_files", "alerting"):
        assert here[name] == there[name]
    assert here["global"].keys() == there["global"].keys()
    assert here["global"]["scrape_interval"] == there["global"]["scrape_interval"]
    jobs = [[job["job_name"] for job in each["scrape_configs"]] for each in (here, there)]
    assert jobs[0] == jobs[1], "An alert goes by their names."


def test_the_token_is_where_it_is_looked_for():
    here = yaml.safe_load((COMPOSE / "prometheus" / "prometheus.yml").read_text())
    wanted = {job["authorization"]["credentials_file"] for job in here["scrape_configs"]}

    assert wanted == {f"/run/secrets/{each['source']}" for each in services()["prometheus"]["secrets"]}
