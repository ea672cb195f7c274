"""A backend that writes down what it is told to deliver, and can be told to fail."""

from taskyard.backend import JobBackend


class RecordingBackend(JobBackend):
    engine = "recording"
    delivered = []
    failure = None
    depths = {}

    def deliver(self, batch):
        if self.failure is not None:
            raise self.failure
        self.delivered.append(list(batch))

    def start_worker(self, options):
        raise NotImplementedError

    def queue_depths(self):
        return self.depths
