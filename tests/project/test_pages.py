"""Every page, for those who may see it and for those who may not."""

from datetime import date

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from shop import reporting, tasks
from shop.models import ImportRun, Receipt, Report
from taskyard import TaskResultStatus, get_result

from .conftest import GOOD, HEADER

pytestmark = pytest.mark.django_db

FILE = f"{HEADER}\n{GOOD}\n".encode()


def upload(client: Client, content: bytes = FILE, name: str = "orders.csv"):
    return client.post(reverse("upload"), {"file": SimpleUploadedFile(name, content)})


def error_of(response) -> str:
    assert response.status_code == 422
    assert not ImportRun.objects.exists()
    return response.context["form"].errors["file"][0]


def test_an_upload_is_kept_enqueued_and_led_to_its_job(staff_client: Client, staff: User):
    response = upload(staff_client)

    run = ImportRun.objects.get()
    assert response.url == reverse("job", args=[run.job_id])
    assert (run.file_name, run.created_by) == ("orders.csv", staff)
    with run.file.open() as file:
        assert file.read() == FILE
    job = get_result(run.job_id)
    assert (job.status, job.args, job.task.queue_name) == (TaskResultStatus.READY, [run.pk], "imports")


def test_a_run_whose_job_cannot_be_enqueued_is_not_kept(staff_client: Client, monkeypatch):
    def refuse(*_arguments: object) -> None:
        raise OSError("no more jobs")

    monkeypatch.setattr(type(tasks.import_orders), "enqueue", refuse)

    with pytest.raises(OSError, match="no more jobs"):
        upload(staff_client)

    assert not ImportRun.objects.exists()


def test_an_upload_may_not_be_too_large(staff_client: Client, settings):
    settings.SHOP_UPLOAD_LIMIT = len(FILE) - 1

    assert "Split it and upload the parts." in error_of(upload(staff_client))


def test_an_upload_must_be_csv(staff_client: Client):
    assert "“orders.xlsx” is not a CSV file" in error_of(upload(staff_client, name="orders.xlsx"))


@pytest.mark.parametrize("content", [FILE.decode().encode("utf-16"), b"PK\x03\x04\xff\xfe"])
def test_an_upload_must_be_utf8(staff_client: Client, content: bytes):
    assert "not UTF-8 text" in error_of(upload(staff_client, content))


def test_an_upload_must_name_the_columns(staff_client: Client):
    assert "must name these columns" in error_of(upload(staff_client, b"a,b\n1,2\n"))


def test_an_upload_may_not_be_empty(staff_client: Client):
    assert "is empty" in error_of(upload(staff_client, b""))


def test_a_file_must_be_chosen(staff_client: Client):
    assert "Choose the CSV file" in error_of(staff_client.post(reverse("upload")))


ADDRESSES = [
    "/upload/",
    "/orders/",
    "/reports/",
    "/reports/1/file/",
    "/imports/1/",
    "/jobs/01999999-0000-7000-8000-000000000000/",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_must_sign_in(client: Client, address: str):
    response = client.get(address)

    assert response.status_code == 302
    assert response.url == f"/login/?next={address}"


def test_strangers_upload_nothing(client: Client):
    assert upload(client).url == "/login/?next=/upload/"
    assert not ImportRun.objects.exists()


def test_a_customer_account_is_told_to_use_another(client: Client):
    client.force_login(User.objects.create_user("carl"))

    response = client.get("/upload/", follow=True)

    assert "You are signed in as carl, who does not work here." in response.content.decode()


def test_strangers_are_greeted(client: Client):
    response = client.get("/")

    assert "Sign in" in response.content.decode()
    assert "Revenue" not in response.content.decode()


def test_the_overview_of_an_empty_shop_says_where_to_begin(staff_client: Client):
    assert "Import an order file" in staff_client.get("/").content.decode()


def test_the_overview_shows_how_things_stand(staff_client: Client, december: ImportRun):
    page = staff_client.get("/").content.decode()

    assert "1,342.70" in page
    assert "Dec 2025" in page
    assert reverse("import", args=[december.pk]) in page


def test_a_waiting_job_refreshes_its_page(staff_client: Client):
    page = staff_client.get(upload(staff_client).url).content.decode()

    assert "Import orders" in page
    assert "Waiting" in page
    assert 'http-equiv="refresh"' in page


@pytest.mark.parametrize("job_id", ["01999999-0000-7000-8000-000000000000", "nonsense"])
def test_an_unknown_job_is_a_friendly_404(staff_client: Client, job_id: str):
    response = staff_client.get(reverse("job", args=[job_id]))

    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_an_import_shows_its_problems_page_by_page(staff_client: Client, import_text):
    run = import_text(*[GOOD.replace("EUR", "USD")] * 60)
    address = reverse("import", args=[run.pk])

    first, second = (staff_client.get(address, {"page": page}).content.decode() for page in (1, 2))

    assert first.count("is not the currency") == 50
    assert second.count("is not the currency") == 10
    assert "Page 2 of 2" in second


def test_receipts_are_sent_from_the_page_of_the_import(staff_client: Client, december: ImportRun):
    address = reverse("send-receipts", args=[december.pk])

    first = staff_client.post(address, follow=True).content.decode()
    second = staff_client.post(address, follow=True).content.decode()

    assert "2 receipts are on their way." in first
    assert "0 of 2 sent." in first
    assert "been sent a receipt already" in second
    assert Receipt.objects.count() == 2


def test_receipts_are_not_sent_by_following_a_link(staff_client: Client, december: ImportRun):
    assert staff_client.get(reverse("send-receipts", args=[december.pk])).status_code == 405


def test_orders_are_listed_latest_first(staff_client: Client, december: ImportRun):
    page = staff_client.get("/orders/").content.decode()

    assert page.index("SO-100004") < page.index("SO-100001")


@pytest.mark.parametrize("rows", [1, 50])
def test_the_list_of_orders_needs_as_many_queries_for_one_as_for_fifty(
    staff_client: Client, import_text, django_assert_num_queries, rows: int
):
    import_text(*[GOOD.replace("100001", str(100_000 + number)) for number in range(rows)])

    with django_assert_num_queries(8):  # session, user, count, orders, lines, products, twice permissions
        staff_client.get("/orders/")


def test_a_report_is_asked_for_by_month(staff_client: Client, staff: User, december: ImportRun):
    response = staff_client.post("/reports/", {"month": "2025-12-01"})

    report = Report.objects.get()
    assert response.url == reverse("report", args=[report.pk])
    assert (report.month, report.created_by) == (date(2025, 12, 1), staff)
    assert get_result(report.job_id).task.priority == 10


def test_a_month_without_orders_cannot_be_reported_on(staff_client: Client, december: ImportRun):
    response = staff_client.post("/reports/", {"month": "2020-01-01"})

    assert "not one of the available choices" in response.content.decode()
    assert not Report.objects.exists()


@pytest.fixture
def report(staff: User, december: ImportRun) -> Report:
    report = Report.objects.create(month=date(2025, 12, 1), created_by=staff, job_id="forgotten")
    reporting.build(report)
    return report


def file_of(report: Report) -> str:
    return reverse("report-file", args=[report.pk])


def test_a_report_is_handed_to_whoever_asked_for_it(staff_client: Client, report: Report):
    response = staff_client.get(file_of(report))

    assert response.content.startswith(b"%PDF")
    assert "attachment" in response["Content-Disposition"]
    assert file_of(report) in staff_client.get("/reports/").content.decode()


def test_somebody_elses_report_is_forbidden(report: Report, client: Client):
    client.force_login(User.objects.create_user("olga", is_staff=True))

    response = client.get(file_of(report))

    assert response.status_code == 403
    assert "Somebody else asked for this report." in response.content.decode()
    assert file_of(report) not in client.get("/reports/").content.decode()


def test_a_colleague_with_the_permission_may_read_it(report: Report, client: Client):
    olga = User.objects.create_user("olga", is_staff=True)
    olga.user_permissions.add(Permission.objects.get(codename="view_report"))
    client.force_login(olga)

    response = client.get(file_of(report))

    assert response.content.startswith(b"%PDF")


def test_a_report_that_is_not_built_yet_has_no_file(staff_client: Client, staff: User):
    report = Report.objects.create(month=date(2025, 12, 1), created_by=staff)

    assert staff_client.get(file_of(report)).status_code == 404
