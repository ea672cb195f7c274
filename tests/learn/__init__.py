"""The first page of the documentation, walked as a stranger does."""
