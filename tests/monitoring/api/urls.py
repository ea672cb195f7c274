"""The API, mounted twice, beside the admin."""

from django.contrib import admin
from django.urls import include, path

import tests.example.exposed  # noqa: F401 - what the API offers

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("taskyard_monitoring.api.urls")),
    path("again/<str:tenant>/", include(("taskyard_monitoring.api.urls", "again"), namespace="again")),
]
