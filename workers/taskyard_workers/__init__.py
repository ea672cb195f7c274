"""The processes: worker and dispatcher, their heartbeats and their commands."""
