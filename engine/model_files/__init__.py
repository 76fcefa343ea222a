"""The files of a model, and what loading them would run."""
