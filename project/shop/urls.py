"""Addresses of the shop."""

from django.urls import path

from .views import home, imports, jobs, orders, reports

urlpatterns = [
    path("", home.home, name="home"),
    path("upload/", imports.upload, name="upload"),
    path("imports/<int:pk>/", imports.import_run, name="import"),
    path("imports/<int:pk>/receipts/", imports.send_receipts, name="send-receipts"),
    path("jobs/<str:job_id>/", jobs.job, name="job"),
    path("orders/", orders.orders, name="orders"),
    path("reports/", reports.reports, name="reports"),
    path("reports/<int:pk>/file/", reports.report_file, name="report-file"),
]
