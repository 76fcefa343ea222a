"""The table a sweep trains on: reading it, and what was understood of it."""
