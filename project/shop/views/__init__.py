"""The pages of the shop's back office."""
