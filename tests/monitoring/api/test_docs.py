"""The description, and the page on which people read it."""

from pathlib import Path

import pytest
from django.test import Client

from taskyard_monitoring.api.api import api
from taskyard_monitoring.api.arguments import Unsuitable
from taskyard_monitoring.api.checks import check_exposed
from taskyard_monitoring.conf import DEFAULTS
from tests.monitoring.api.conftest import problem
from tests.monitoring.api.served import served
from tests.monitoring.console.conftest import browser  # noqa: F401 - a fixture

PARTS = Path(__file__).parents[3]


@pytest.fixture
def described():
    """The description of the API."""
    return api.described("/api/")


class TestDescription:
    def operations(self, described):
        """Yield each operation with its method."""
        for methods in described["paths"].values():
            yield from methods.items()

    def test_every_operation_says_how_it_may_end(self, described):
        for method, operation in self.operations(described):
            assert {"401", "403", "429", "500", "503"} <= set(operation["responses"]), operation[
                "operationId"
            ]
            if method == "post":
                assert {"400", "413", "422"} <= set(operation["responses"])
            else:
                assert "304" in operation["responses"]

    def test_problems_look_alike_everywhere(self, described):
        for _, operation in self.operations(described):
            for status, answer in operation["responses"].items():
                if status >= "400":
                    [(media_type, content)] = answer["content"].items()
                    assert media_type == "application/problem+json"
                    assert content["schema"]["$ref"].endswith("/Problem")

    def test_who_calls_is_told_how_to_sign_in(self, described):
        assert set(described["components"]["securitySchemes"]) == {"TokenAuth", "SessionAuth"}
        for _, operation in self.operations(described):
            assert operation["security"] == [{"TokenAuth": []}, {"SessionAuth": []}]

    def test_every_parameter_has_bounds(self, described):
        for _, operation in self.operations(described):
            for parameter in operation["parameters"]:
                schema = parameter["schema"]
                is_bounded = {"maxLength", "maximum", "enum"} & set(schema) or schema.get("format") == "uuid"
                assert is_bounded, (operation["operationId"], parameter["name"])


@pytest.mark.django_db
class TestPage:
    def test_strangers_are_sent_to_sign_in(self):
        answer = Client().get("/api/docs")

        assert answer.status_code == 302
        assert answer["Location"].endswith("?next=/api/docs")

    def test_it_needs_its_files(self, ada):
        client = Client()
        client.force_login(ada.user)

        told = problem(client.get("/api/docs"), 404, "no-docs")

        assert "'ninja' in INSTALLED_APPS" in told["detail"]


def test_it_works_under_a_strict_policy(transactional_db, tmp_path, browser, ada):  # noqa: F811
    """No script or style of another site, and none within the page."""
    from django.conf import settings

    client = Client()
    client.force_login(ada.user)
    with served(tmp_path) as (address, _):
        context = browser.new_context(base_url=address)
        context.add_cookies(
            [
                {
                    "name": settings.SESSION_COOKIE_NAME,
                    "value": client.cookies["sessionid"].value,
                    "url": address,
                }
            ]
        )
        page = context.new_page()
        faults, foreign = [], []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda request: (
                foreign.append(request.url) if not request.url.startswith((address, "data:")) else None
            ),
        )
        page.goto("/api/docs")
        page.get_by_text("Enqueue a job", exact=True).wait_for(timeout=60_000)
        page.get_by_text("List jobs", exact=True).click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        page.get_by_text("Server response").wait_for(timeout=60_000)
        page.screenshot(path=str(tmp_path / "docs.png"), full_page=True)
        context.close()

    assert not faults
    assert not foreign


def test_what_cannot_be_offered_is_told_by_a_check(monkeypatch):
    from taskyard_monitoring.api import arguments
    from tests.example import exposed  # it is looked for among what is loaded

    assert check_exposed() == []

    def refuse(*_args):
        raise TypeError("no")

    monkeypatch.setattr(arguments, "_model", refuse)
    faults = check_exposed()

    assert {fault.id for fault in faults} == {"taskyard_monitoring.E001"}
    assert exposed.hidden.module_path not in {fault.obj for fault in faults}
    assert len(faults) == 6
    assert "cannot be exposed" in faults[0].msg


@pytest.mark.parametrize("annotation", ["Nowhere", "object()", "type(None).__init__"])
def test_an_annotation_is_something_that_json_can_be(annotation):
    from taskyard_monitoring.api.arguments import Signature
    from tests.example import exposed

    function = exposed.hidden.func
    written = function.__annotations__
    function.__annotations__ = {"value": annotation}
    try:
        with pytest.raises(Unsuitable, match="hidden cannot be exposed"):
            Signature(exposed.hidden)
    finally:
        function.__annotations__ = written


def test_the_guide_names_every_limit_as_it_is():
    guide = (PARTS / "docs" / "how-to" / "http-api.md").read_text()

    for name in ("API_RATE", "API_ENQUEUE_RATE"):
        assert f'"{name}": "{DEFAULTS[name]}"' in guide
