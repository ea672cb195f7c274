"""Live updates for any page: `path("live/", include("taskyard_monitoring.live.urls"))`."""

from django.urls import path

from . import view

app_name = "taskyard_live"

urlpatterns = [
    path("events/", view.events, name="events"),
    path("jobs/<uuid:job_id>/wait/", view.wait, name="wait"),
]
