"""Numbers for Prometheus: what worker processes count, and what the database tells."""
