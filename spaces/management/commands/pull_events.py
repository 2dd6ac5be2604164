"""`manage.py pull_events`: fetch events from Pub/Sub, for installations that nothing from outside can reach. Runs until it is told to
stop; waiting for events happens at Google, so it costs next to nothing."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections

from spaces import meet, tasks
from spaces.access import SYSTEM
from spaces.google.errors import ConnectionBroken, GoogleError
from spaces.google.pubsub import PullClient
from spaces.sync import events

LONGEST_PAUSE = 60.0
AWAY = "The database cannot be reached; events wait at Google."


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


@contextmanager
def _ends_when_told() -> Iterator[None]:
    """End on TERM, which the first process of a container does not even notice without a handler of its own. What is being stored
    at that moment is rolled back and not acknowledged, so it comes again."""
    former = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


class Command(BaseCommand):
    requires_system_checks = []
    help = "Fetch Google's events from the Pub/Sub subscription named in MEETADMIN_PUSH_SUBSCRIPTIONS and store them for the workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="Fetch once and stop, for a timetable of your own."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PUSH is None or not settings.PUSH.pull:
            raise CommandError(
                "Events are fetched only with MEETADMIN_PUSH_PULL=1 (docs/install.md, section 11)."
            )
        try:
            client = meet.pull_client()
        except ConnectionBroken as error:
            raise CommandError(error.sentence) from error
        [subscription] = settings.PUSH.subscriptions
        with _ends_when_told():
            self.stdout.write(f"Fetching events from {subscription}.")
            self._fetch(client, subscription, once=options["once"])

    def _fetch(self, client: PullClient, subscription: str, *, once: bool) -> None:
        pause = 1.0
        while True:
            try:
                if events.pull(subscription=subscription, client=client, actor=SYSTEM):
                    tasks.events_wait()
                pause = 1.0
            except (GoogleError, OperationalError, InterfaceError) as error:
                # What could not be stored was not acknowledged either: it comes again.
                what, detail = AWAY, type(error).__name__
                if isinstance(error, GoogleError):
                    what, detail = error.sentence, error.detail
                if once:
                    raise CommandError(what) from error
                self.stderr.write(f"{what} ({detail}) Next try in {pause:.0f} s.")
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            if once:
                return
            close_old_connections()
