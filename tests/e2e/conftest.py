"""The real program on a pseudo-terminal. What its tests share is in tests/conftest.py."""
