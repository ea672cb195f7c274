"""Larch & Linen: a small shop that leaves everything slow to Taskyard."""
