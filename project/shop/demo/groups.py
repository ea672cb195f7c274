"""Jobs of one task, watched together."""

from collections.abc import Sequence

from taskyard import TaskResult, TaskResultStatus, get_progress


class Group:
    """The jobs of one task: how many there are, how many are done and how they ended."""

    def __init__(self, results: Sequence[TaskResult]) -> None:
        """Begin to watch some jobs, oldest first."""
        self.name = results[0].task.name
        self.results = results
        self.done = 0

    def look(self) -> None:
        """Find out how far the jobs are.

        Jobs of one queue finish roughly in order, so it is enough to ask for the first that was
        not finished at the last look, and to go on from there.
        """
        for result in self.results[self.done :]:
            result.refresh()
            if not result.is_finished:
                return
            self.done += 1

    @property
    def is_finished(self) -> bool:
        """Whether no job is left to run."""
        return self.done == len(self.results)

    @property
    def progress(self) -> tuple[int, int]:
        """How much is done of how much: rows of a single long job, jobs otherwise."""
        if len(self.results) == 1:
            progress = get_progress(self.results[0].id)
            if progress and progress.total:
                return progress.done, progress.total
        return self.done, len(self.results)

    @property
    def failed(self) -> list[TaskResult]:
        """The jobs that ended in an error."""
        return [result for result in self.results if result.status == TaskResultStatus.FAILED]

    @property
    def seconds(self) -> float:
        """How long it took from the start of the first job to the end of the last."""
        started = [result.started_at for result in self.results if result.started_at]
        finished = [result.finished_at for result in self.results if result.finished_at]
        return (max(finished) - min(started)).total_seconds() if started and finished else 0.0

    @property
    def failure(self) -> str:
        """What happened to the first job that failed; empty if none did."""
        if not self.failed:
            return ""
        reason = self.failed[0].errors[-1].traceback.strip().rpartition("\n")[2]
        return f"{len(self.failed)} of {len(self.results)} {self.name} jobs failed, the first with {reason}."
