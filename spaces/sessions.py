"""Sessions in the database, of which those of people who are not signed in end soon: strangers can begin one each time they go to the
sign-in, and must not fill the database."""

from typing import Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

SIGNING_IN: Final = 30 * 60
"""Seconds that a sign-in may take, with everything that Google asks of a person on the way."""


class SessionStore(DatabaseStore):
    """Django's own store, with a shorter life before sign-in."""

    def get_session_cookie_age(self) -> int:
        """Return the age in seconds at which this session ends: of its row as of its cookie."""
        return super().get_session_cookie_age() if SESSION_KEY in self else SIGNING_IN
