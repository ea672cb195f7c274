"""The admin and the console, for their tests."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("console/", include("taskyard_monitoring.urls")),
]
