"""Jobs that come into being by themselves: at the times of a cron expression, or every so often.

`declaring` holds what the code says, `synchronising` writes it to the table, `firing` enqueues the jobs and
`control` is what operators do. `calendar` knows when a schedule's slots are, `missed` which of them become
jobs.
"""

from .declaring import schedule

__all__ = ["schedule"]
