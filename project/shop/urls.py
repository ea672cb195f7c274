"""Addresses of the shop."""

from django.urls import path

from .access import staff_only
from .views import home, imports, jobs, orders, reports

urlpatterns = [
    path("", home.home, name="home"),
    path("upload/", imports.upload, name="upload"),
    path("imports/<int:pk>/", imports.import_run, name="import"),
    path("imports/<int:pk>/problems.csv", imports.problems, name="problems"),
    path("imports/<int:pk>/mails/", imports.mails, name="mails"),
    path("imports/<int:pk>/receipts/", imports.send_receipts, name="send-receipts"),
    path("jobs/", jobs.my_jobs, name="my-jobs"),
    path("jobs/<str:job_id>/", jobs.job, name="job"),
    path("jobs/<str:job_id>/cancel/", jobs.cancel, name="cancel-job"),
    path("orders/", orders.orders, name="orders"),
    path("orders/export.csv", orders.export, name="export"),
    # Around the whole view: a decorator of its dispatch() would not know that this is async.
    path("orders/<str:number>/", staff_only(orders.OrderPage.as_view()), name="order"),
    path("orders/<str:number>/confirmation/", orders.confirm, name="confirm"),
    path("reports/", reports.reports, name="reports"),
    path("reports/<int:pk>/", reports.report, name="report"),
    path("reports/<int:pk>/file/", reports.report_file, name="report-file"),
]
