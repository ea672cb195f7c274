"""The shop in a real browser: upload, watch, download; with JavaScript and without, on a phone and on a desk."""

import csv
import re
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import expect

from shop.data import make_orders
from tests.monitoring.console.conftest import browser, check_width, check_with_axe  # noqa: F401

from .conftest import GOOD, HEADER
from .site import running_site

pytestmark = pytest.mark.slow

YEAR = settings.PROJECT / "shop" / "data" / "orders.csv"
PAGES = ("/", "/upload/", "/orders/", "/reports/", "/jobs/")
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}

PATIENCE = 90_000
"""Milliseconds: a worker may have to start and to read ten thousand lines, on a machine that does much else."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The shop, without a worker until a test starts one."""
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def page_of(browser, site):  # noqa: F811
    """Sign somebody in and return their page; at the end nothing may have gone wrong in it."""
    contexts, faults = [], []

    def open_page(name="admin", *, dark=False, phone=False, expected=(), **options):
        context = browser.new_context(
            viewport=PHONE if phone else DESK,
            color_scheme="dark" if dark else "light",
            base_url=site.server.address,
            has_touch=phone,
            **options,
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.goto("/login/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill("secret")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Overview").wait_for()

        def note(text):
            if not any(part in text for part in expected):
                faults.append(text)

        page.on("console", lambda message: message.type in ("error", "warning") and note(message.text))
        page.on("pageerror", lambda error: note(f"{error}\n{error.stack}"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def upload(page, path: Path) -> None:
    page.goto("/upload/")
    page.get_by_label("Order file").set_input_files(path)
    page.evaluate(
        """() => {
            const words = document.querySelector("[data-sending] p");
            const options = {childList: true};
            new MutationObserver(() => window.hear?.(words.textContent)).observe(words, options);
        }"""
    )
    page.get_by_role("button", name="Import").click()
    page.wait_for_url(re.compile("/jobs/.+"))


def mark(page) -> None:
    """Leave a sign that is gone as soon as the page is loaded anew."""
    page.evaluate("window.isSame = true")


def is_same(page) -> bool:
    return page.evaluate("window.isSame === true")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_upload_progress_download(site, page_of, tmp_path, script):
    page = page_of(java_script_enabled=script)
    said = []
    page.expose_function("hear", lambda words: said.append(words))
    upload(page, YEAR)
    page.get_by_text("Waiting", exact=True).wait_for()
    if script:
        assert any(words.startswith("Sent 1.0 MB of") for words in said), (
            "how far the browser is with sending"
        )
        mark(page)
        page.evaluate(
            """() => {
                window.told = [];
                const note = ({detail}) => window.told.push([detail.state, detail.percent ?? null]);
                document.addEventListener("taskyard:update", note);
            }"""
        )

    with site.working():
        page.get_by_role("link", name="What became of orders.csv").wait_for()
        if script:
            assert is_same(page), "it came live"
            told = page.evaluate("window.told")
            assert "running" in [state for state, _ in told]
            percents = [percent for _, percent in told if percent is not None]
            assert percents == sorted(percents)

    page.get_by_role("link", name="What became of orders.csv").click()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download the problems as CSV").click()
    saved = tmp_path / "problems.csv"
    coming.value.save_as(saved)
    with saved.open(newline="") as file:
        assert len({row["line"] for row in csv.DictReader(file)}) == make_orders.DIRTY_ROWS


def test_a_file_that_is_too_large_is_not_even_sent(page_of, tmp_path):
    page = page_of()
    path = tmp_path / "orders.csv"
    path.write_bytes(bytes(6 * 1024 * 1024))
    page.goto("/upload/")
    page.get_by_label("Order file").set_input_files(path)
    page.get_by_role("button", name="Import").click()

    page.get_by_role("status").get_by_text("Split it and upload the parts.").wait_for()
    assert page.get_by_role("button", name="Import").is_enabled()


def test_without_script_the_server_says_so(page_of, tmp_path):
    page = page_of(java_script_enabled=False, expected=["413"])
    path = tmp_path / "orders.csv"
    path.write_bytes(bytes(6 * 1024 * 1024))
    page.goto("/upload/")
    page.get_by_label("Order file").set_input_files(path)
    page.get_by_role("button", name="Import").click()

    page.get_by_role("heading", name="This is too large to send").wait_for()
    check_width(page)


def test_a_wrong_file_is_explained_where_it_was_chosen(page_of, tmp_path):
    page = page_of(expected=["422"])
    path = tmp_path / "orders.csv"
    path.write_text("a,b\n")
    page.goto("/upload/")
    page.get_by_label("Order file").set_input_files(path)
    page.get_by_role("button", name="Import").click()

    page.get_by_role("status").get_by_text("must name these columns").wait_for()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_report_fills_itself(site, page_of, script):
    page = page_of(java_script_enabled=script)
    page.goto("/reports/")
    page.get_by_role("button", name="Build report").click()
    page.get_by_role("heading", name="The report is being built").wait_for()
    if script:
        check_with_axe(page)
        mark(page)

    with site.working():
        page.get_by_role("link", name="Download PDF").wait_for()
    if script:
        assert is_same(page), "it came live"
    expect(page.locator("dd", has_text="€")).to_have_count(1, timeout=PATIENCE)
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download PDF").click()
    assert Path(coming.value.path()).read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_mails_are_seen_going_out(site, page_of, script):
    page = page_of(java_script_enabled=script)
    page.goto("/imports/1/" if script else "/imports/2/")
    page.get_by_role("button", name="Send receipts").click()
    page.get_by_text("0 of 2 sent.").wait_for()
    if script:
        mark(page)

    with site.working():
        page.get_by_text("2 of 2 sent.").wait_for()
    if script:
        assert is_same(page), "it came live"
    expect(page.locator(".state.sent")).to_have_count(2, timeout=PATIENCE)


def test_my_jobs_are_live_and_can_be_called_off(site, page_of, tmp_path):
    page = page_of("olga")
    path = tmp_path / "mine.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n")
    for _ in range(2):
        upload(page, path)
    page.goto("/jobs/")
    assert page.get_by_role("button", name="Call off: Import orders").count() == 2
    check_with_axe(page)

    page.get_by_role("button", name="Call off: Import orders").first.click()
    page.get_by_text("The job is called off.").wait_for()
    expect(page.locator(".state.cancelled")).to_have_count(1, timeout=PATIENCE)
    mark(page)

    with site.working():
        page.locator(".state.successful").first.wait_for()
    assert is_same(page), "it came live"


def test_a_note_and_a_confirmation_of_an_order(site, page_of):
    page = page_of()
    page.goto("/orders/SO-700000/")
    page.get_by_label("Note").fill("Call them back.")
    page.get_by_role("button", name="Add note").click()
    page.get_by_text("Call them back.").wait_for()
    page.get_by_role("button", name="Send confirmation").click()
    page.locator("taskyard-progress").wait_for()
    mark(page)

    with site.working():
        page.locator(".state.sent").wait_for()
    assert is_same(page), "it came live"


@pytest.mark.parametrize(("dark", "phone"), [(False, False), (True, False), (False, True), (True, True)])
def test_every_page_is_for_everybody(page_of, dark, phone):
    page = page_of(dark=dark, phone=phone)
    late = "/orders/SO-700007/"  # its parcel is not found in time
    for address in (*PAGES, late, "/imports/1/", "/imports/1/mails/"):
        page.goto(address)
        check_width(page)
        check_with_axe(page)
        if address == late:
            assert page.locator("dl div", has_text="Parcel").get_by_text("not in time").is_visible()
