"""Deployments: registered model versions served over HTTP."""
