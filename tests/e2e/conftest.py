"""The installed program on a pseudo-terminal. Shared fixtures are in tests/conftest.py."""
