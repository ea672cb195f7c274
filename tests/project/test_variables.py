"""What the environment names: another database, a Redis; the live updates go through both."""

import time

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured

from config import database
from tests.support import servers

from .conftest import GOOD, HEADER
from .site import running_site


@pytest.mark.slow
def test_the_shop_on_postgresql_and_redis(tmp_path):
    with servers.postgresql() as address, servers.redis() as redis:
        with running_site(tmp_path, SHOP_DATABASE_URL=address, SHOP_REDIS_URL=redis.address) as site:
            with httpx.Client(base_url=site.server.address, timeout=60) as client, site.working():
                client.get("/login/")

                def post(address, **more):
                    token = {"csrfmiddlewaretoken": client.cookies["csrftoken"], **more.pop("data", {})}
                    return client.post(address, data=token, **more)

                post("/login/", data={"username": "admin", "password": "secret"})
                file = ("orders.csv", f"{HEADER}\n{GOOD}\n".encode())
                job = post("/upload/", files={"file": file}).headers["Location"]

                state, deadline = "waiting", time.monotonic() + 60
                while state in {"waiting", "running"} and time.monotonic() < deadline:
                    state = client.get(f"/live{job}wait/?state={state}").json()["state"]
                assert state == "successful"
                assert "What became of orders.csv" in client.get(job).text
                assert "17" in client.get("/").text  # of both imports before, and this
        assert not (tmp_path / "shop.sqlite3").exists()


@pytest.mark.parametrize("url", ["mysql://a:b@c/d", "nonsense"])
def test_another_database_is_refused(tmp_path, url):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "URL", url)
        with pytest.raises(ImproperlyConfigured, match="must begin with postgresql://"):
            database.database(tmp_path)


def test_names_and_passwords_are_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "URL", "postgresql://shop:p%40ss@db:5433/orders")

    settings = database.database(tmp_path)

    assert (settings["USER"], settings["PASSWORD"], settings["PORT"]) == ("shop", "p@ss", "5433")
    assert (settings["NAME"], settings["CONN_MAX_AGE"]) == ("orders", 0)
