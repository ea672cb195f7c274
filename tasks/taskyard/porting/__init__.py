"""What a project must change to come from another task queue: `python -m taskyard.porting PATH`.

The source is read, never imported, so it does not matter whether that queue's library is installed. What is
looked for stands in `origins`, one module for each queue that one may come from.
"""

from .findings import Effort, Finding
from .origins import Origin, Rule, all_origins
from .projects import Survey, survey

__all__ = ["Effort", "Finding", "Origin", "Rule", "Survey", "all_origins", "survey"]
