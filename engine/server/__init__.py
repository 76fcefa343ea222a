"""The MLflow tracking server: start it, look after it, back it up, upgrade it."""
