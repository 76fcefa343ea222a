"""Upgrades of the schema of a store."""
