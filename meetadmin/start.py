"""What every process does first: read the settings, or end with the sentences that say what is wrong with them."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

OURS = "meetadmin.settings"


def read_settings() -> None:
    """Read the settings. When they cannot be used, write why to standard error, without a traceback, and exit with code 1.

    Settings that build on ours import this package before they are complete, so they are left to whoever reads them.
    """
    if os.environ.setdefault("DJANGO_SETTINGS_MODULE", OURS) != OURS:
        return
    try:
        _ = settings.SECRET_KEY
    except ImproperlyConfigured as problem:
        sys.exit(f"Meetadmin cannot start. {problem}")
