"""The HTTP API: enqueue, read and steer jobs from anywhere. Needs the extra `web` (Django Ninja)."""
