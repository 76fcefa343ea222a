"""Masks passwords and tokens in everything that is shown, logged or exported."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable

from engine.uri import redact

_URI = re.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]+:/[^\s'\"<>]+"
)  # from its start: a long word is not a URI
_VARIABLES = (
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "DATABRICKS_TOKEN",
    "DATABRICKS_CLIENT_SECRET",
    "AWS_SECRET_ACCESS_KEY",
)
_MIN_LENGTH = 4
"""Shorter secrets are not masked: they occur in too many words."""


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with these masked: the secrets in its URIs, those in this process's environment, and `secrets`;
    also in base64, without surrounding space, and as Python quotes them in an error."""
    given = {*secrets, *(os.environ.get(name, "") for name in _VARIABLES)}
    plain = {form for secret in given for form in (secret, secret.strip()) if len(form) >= _MIN_LENGTH}
    quoted = {repr(form)[1:-1] for form in plain}
    encoded = {base64.b64encode(form.encode(errors="surrogateescape")).decode() for form in plain}
    for form in sorted(plain | quoted | encoded, key=len, reverse=True):
        text = text.replace(form, "***")
    return _URI.sub(_redacted, text)


def _redacted(match: re.Match[str]) -> str:
    try:
        return redact(match[0])
    except ValueError:  # not a URI after all
        return "***"
