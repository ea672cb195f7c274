"""The page that the site's probes ask, as the pod has it set up."""

import os
import subprocess
import sys

from tests.support.servers import free_port

from .rendering import ROOT

ASK = """
import django
django.setup()
from django.test import Client
answer = Client(raise_request_exception=False).get("/login/", headers={"host": "10.1.2.3:8000"})
print(answer.status_code)
"""


def test_it_answers_by_the_pods_address_and_without_a_database(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", ASK],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SHOP_DEBUG": "0",
            "SHOP_SECRET_KEY": "only for this test",
            "SHOP_URL": "https://shop.example.com",
            "SHOP_HOSTS": "10.1.2.3",
            "SHOP_VAR": str(tmp_path),
            "SHOP_DATABASE_URL": f"postgresql://shop@127.0.0.1:{free_port()}/shop",
        },
        cwd=ROOT / "project",
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout == "200\n", ended.stderr
