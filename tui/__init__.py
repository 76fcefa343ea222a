"""The terminal side of mlflow-console: the only place that imports textual."""
