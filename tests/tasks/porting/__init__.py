"""What a project must change to come from another queue: real-looking projects, read and never imported."""
