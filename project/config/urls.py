"""Addresses of the example site: the shop, signing in and out, the admin, the console and the job API."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

urlpatterns = [
    path("", include("shop.urls")),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("console/", include("taskyard_monitoring.urls")),
    path("live/", include("taskyard_monitoring.live.urls")),
    path("api/", include("taskyard_monitoring.api.urls")),
]
