"""The API's addresses: `path("api/", include("taskyard_monitoring.api.urls"))`."""

from .api import api

urlpatterns, _, app_name = api.urls
