"""`manage.py seed_demo`: prepare and fill an empty installation with the simulator's rooms, through the same actions that people use."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from spaces.access import SEEDER
from spaces.actions import buildings, people, rooms, spaces
from spaces.audit import Refused
from spaces.google.errors import GoogleError
from spaces.meet import Lane
from spaces.models import Account, Building, Person, Room

HELPDESK = "helpdesk@example.com"


def control(word: str, body: dict[str, Any] | None = None) -> Any:
    """Ask or tell the simulator's control."""
    request = Request(  # noqa: S310 - loopback, checked at start
        f"{settings.GOOGLE.meet}/_control/{word}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
        return json.load(answer)


@contextmanager
def no_quotas() -> Iterator[None]:
    """Thousands of rooms at once are more than Google allows in a minute. Nobody fills a real installation like this."""
    control("quotas", {"on": False})
    try:
        yield
    finally:
        control("quotas", {"on": True})


class Command(BaseCommand):
    requires_system_checks = []
    help = "Make buildings, rooms and people of the simulator's world and adopt its spaces. Only against a simulator."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.GOOGLE.are_real:
            raise CommandError(
                "Demo data is for the simulator only: MEETADMIN_GOOGLE_URL must point to one on this machine."
            )
        world = control("world")
        call_command("prepare")
        sites = {
            one["id"]: buildings.add(
                name=one["name"], code=one["id"], time_zone=one["time_zone"], actor=SEEDER
            )
            for one in world["buildings"]
        }
        if not Person.objects.filter(email=HELPDESK).exists():
            people.set_role(email=HELPDESK, role="helpdesk", buildings=[], actor=SEEDER)
        mailboxes = {account.email: account for account in Account.objects.all()}
        made, failed = 0, 0
        with no_quotas():
            for one in world["rooms"]:
                room = self._room(one, sites[one["building"]])
                if room.space is not None:
                    continue
                try:
                    spaces.adopt(
                        room=room,
                        text=one["meeting_code"],
                        account=mailboxes[one["account"]],
                        reason="Demo data",
                        actor=SEEDER,
                        lane=Lane.UNMETERED,
                    )
                    made += 1
                except (GoogleError, Refused) as error:
                    failed += 1
                    self.stderr.write(f"{room.name}: {error.sentence}")
        self.stdout.write(f"{made} rooms seeded, {Room.objects.count()} in all.")
        if failed:
            raise CommandError(f"{failed} rooms could not be given their space; run this again.")

    @staticmethod
    def _room(one: dict[str, Any], site: Building) -> Room:
        known = (
            Room.objects.filter(building=site, name=one["name"]).select_related("building", "space").first()
        )
        if known:
            return known
        facts = rooms.RoomFacts(
            name=one["name"],
            building=site,
            floor=str(one["floor"]),
            capacity=one["capacity"],
            device_name=one["device"]["name"],
            owners=(one["owner_email"],),
            deputies=tuple(one["deputy_emails"]),
        )
        return rooms.create(room=facts, actor=SEEDER)
