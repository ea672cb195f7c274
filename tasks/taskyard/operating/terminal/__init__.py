"""What the management commands share: filters, tables, and the way to do things in bulk."""
