"""The engine of mlflow-console: everything that touches MLflow, and no user interface."""
