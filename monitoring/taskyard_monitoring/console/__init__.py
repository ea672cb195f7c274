"""The console: pages on which operators watch jobs, queues, workers and schedules, and steer them."""
