"""Backups of a store, and their restore in a new place."""
