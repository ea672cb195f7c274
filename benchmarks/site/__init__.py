"""A site with next to nothing in it, for measuring what is around it."""
