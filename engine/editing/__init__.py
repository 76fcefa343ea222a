"""Editing names, descriptions, tags and statuses, of one thing or of thousands."""
