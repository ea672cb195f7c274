"""Where the pages of jobs and of the audit are."""

from django.urls import path

from . import audit, bulk, completion, job, jobs

patterns = [
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/complete/", completion.complete, name="jobs_complete"),
    path("jobs/first/", jobs.first, name="jobs_first"),
    path("jobs/steer/<slug:name>/", bulk.steer, name="jobs_steer"),
    # No UUID's pattern: who mistypes an id is told so in the console's own words.
    path("jobs/<str:job_id>/", job.job, name="job"),
    path("jobs/<str:job_id>/steer/<slug:name>/", job.steer, name="job_steer"),
    path("audit/", audit.audit, name="audit"),
]
