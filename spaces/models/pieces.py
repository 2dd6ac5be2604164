"""Deleting much without being in anybody's way."""

import time
from typing import Any

from django.db.models import QuerySet

AT_ONCE = 1000
"""Rows in one transaction."""


def delete_in_pieces(rows: QuerySet[Any], *, until: float) -> int:
    """Delete so that nobody waits long for the database, and not beyond the moment `until` of the monotonic clock. Returns how many
    rows; what is left over comes with the next call."""
    gone = 0
    while time.monotonic() < until and (keys := list(rows.values_list("pk", flat=True)[:AT_ONCE])):
        rows.model._default_manager.filter(pk__in=keys).delete()
        gone += len(keys)
    return gone
