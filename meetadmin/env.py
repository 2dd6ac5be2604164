"""The only place that reads the environment: typed readers whose failures tell the operator what to do."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None, *, help_text: str = "") -> str:
    """The value of NAME; `default` if it is unset or empty.

    Raises ImproperlyConfigured with `help_text` when there is neither a value nor a default.
    """
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"The environment variable {name} is not set. {help_text}".strip())
    return default


def first(*names: str) -> str:
    """The value of the first of these variables that is set, or an empty text."""
    return next((value for name in names if (value := text(name, ""))), "")


def flag(name: str, *, default: bool = False) -> bool:
    """A switch: 1, true, yes, on; 0, false, no, off. Raises ImproperlyConfigured for any other word."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"The environment variable {name} is {value!r}; write 1 or 0.")


def number(name: str, default: int) -> int:
    """A whole number. Raises ImproperlyConfigured when something else is written there."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(
            f"The environment variable {name} is {value!r}; write a whole number."
        ) from None


def items(name: str, default: str = "") -> list[str]:
    """A comma-separated list, blanks trimmed, empty entries left out."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def secret(name: str, default: str | None = None, *, help_text: str = "") -> str:
    """A secret from NAME, or from the file that NAME_FILE points to (as Docker and systemd hand secrets over)."""
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return text(name, default, help_text=help_text)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}_FILE points to {path}, which cannot be read: {error.strerror}."
        ) from error
