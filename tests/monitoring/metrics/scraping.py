"""Scrapes, read back."""

import json
import urllib.request
from urllib.error import HTTPError, URLError

from prometheus_client.parser import text_string_to_metric_families

from tests.support.servers import wait_until


class Scrape:
    """What one scrape said: `scrape.value("taskyard_started_total", task="…")` sums what has these labels."""

    def __init__(self, text):
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        self._samples = [sample for family in self.families for sample in family.samples]

    def value(self, name, **labels):
        return sum(sample.value for sample in self.having(name, **labels))

    def having(self, name, **labels):
        return [
            sample
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def names(self):
        return {sample.name for sample in self._samples}


def get(port, path, headers=None):
    """Return the status and the body of what a port answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def scrape(port):
    status, text = get(port, "/metrics")
    assert status == 200, text
    return Scrape(text)


def health(port):
    """Return the status, what it means and why."""
    status, text = get(port, "/healthz")
    verdict = json.loads(text)
    return status, verdict["status"], verdict["reasons"]


def wait_for_value(port, wanted, name, **labels):
    """Scrape, as soon as anybody answers, until a value is there."""

    def is_there():
        try:
            return scrape(port).value(name, **labels) == wanted
        except URLError:
            return False

    wait_until(is_there, f"{name}{labels} is {wanted}", 60)
