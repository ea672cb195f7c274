"""The console, its live updates, and what Prometheus and load balancers ask for.

A site includes them where it likes: `path("console/", include("taskyard_monitoring.urls"))`.
"""

from django.urls import path

from .console import engines, jobs_urls, overview, queues, regions, schedules, workers
from .health import site_health
from .live import stream
from .metrics.views import metrics_view

app_name = "taskyard"

urlpatterns = [
    path("", overview.overview, name="overview"),
    *jobs_urls.patterns,
    path("queues/", queues.queues, name="queues"),
    path("queues/<slug:action>/", queues.steer, name="queue_steer"),
    path("workers/", workers.workers, name="workers"),
    path("workers/<slug:action>/", workers.steer, name="worker_steer"),
    path("schedules/", schedules.schedules, name="schedules"),
    path("schedules/next/", schedules.next_runs, name="schedule_next"),
    path("schedules/<slug:action>/", schedules.steer, name="schedule_steer"),
    path("engines/", engines.engines, name="engines"),
    path("regions/<slug:name>/", regions.region, name="region"),
    path("live/", stream, name="live"),
    path("metrics", metrics_view, name="metrics"),
    path("health", site_health, name="health"),
]
