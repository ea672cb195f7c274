"""The admin's actions and pages."""

from datetime import date

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from shop.models import ImportRun, Order, Report

pytestmark = pytest.mark.django_db


def act(client: Client, model: type, objects) -> str:
    address = reverse(f"admin:shop_{model._meta.model_name}_changelist")
    chosen = {"action": "build_report", "_selected_action": [item.pk for item in objects]}
    return client.post(address, chosen, follow=True).content.decode()


def test_a_report_is_built_for_each_month_of_the_selected_orders(admin_client: Client, december: ImportRun):
    page = act(admin_client, Order, Order.objects.all())

    reports = list(Report.objects.order_by("month"))
    assert [report.month for report in reports] == [date(2025, 12, 1), date(2026, 1, 1)]
    assert "Revenue report December 2025 is on its way." in page
    for report in reports:
        assert reverse("report", args=[report.pk]) in page


def test_a_report_is_built_again(admin_client: Client):
    act(admin_client, Report, [Report.objects.create(month=date(2025, 12, 1))])

    assert Report.objects.filter(month=date(2025, 12, 1)).count() == 2


def test_too_many_months_at_once_are_refused(admin_client: Client, december: ImportRun):
    customer = Order.objects.first().customer
    Order.objects.bulk_create(
        Order(number=f"SO-{year}", customer=customer, ordered_on=date(year, 5, 1))
        for year in range(2000, 2013)
    )

    page = act(admin_client, Order, Order.objects.filter(ordered_on__year__lt=2020))

    assert "You selected 13 different months." in page
    assert not Report.objects.exists()


def shop_models() -> list[type]:
    return [model for model in admin.site._registry if model._meta.app_label == "shop"]


@pytest.mark.parametrize("model", shop_models())
def test_every_list_of_the_admin_opens(admin_client: Client, model: type, december: ImportRun):
    address = reverse(f"admin:shop_{model._meta.model_name}_changelist")

    assert admin_client.get(address).status_code == 200


@pytest.mark.parametrize("model", [Order, ImportRun])
def test_records_open(admin_client: Client, model: type, december: ImportRun):
    address = reverse(f"admin:shop_{model._meta.model_name}_change", args=[model.objects.first().pk])

    assert admin_client.get(address).status_code == 200
