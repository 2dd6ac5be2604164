"""`manage.py seed_demo`: prepare an installation and fill it with the simulator's buildings, people, rooms and links."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.request import Request, urlopen

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from spaces.access import SEEDER
from spaces.actions import buildings, people, rooms, seeding
from spaces.google.meet import space_from_json
from spaces.models import Account, Building, Person, Room

HELPDESK = "helpdesk@example.com"


def control(word: str) -> Any:
    """Ask the simulator's control."""
    with urlopen(Request(f"{settings.GOOGLE.meet}/_control/{word}"), timeout=60) as answer:  # noqa: S310 - loopback, checked at start
        return json.load(answer)


class Command(BaseCommand):
    requires_system_checks = []
    help = "Add the simulator's buildings, people, rooms and links. Only against a simulator; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.GOOGLE.are_real:
            raise CommandError(
                "Demo data is for the simulator only: MEETADMIN_GOOGLE_URL must point to one on this machine."
            )
        world = control("world")
        call_command("prepare")
        total = len(world["rooms"])
        sites = {
            one["id"]: buildings.ensure(
                name=one["name"], code=one["id"], time_zone=one["time_zone"], actor=SEEDER
            )
            for one in world["buildings"]
        }
        if not Person.objects.filter(email=HELPDESK).exists():
            people.set_role(email=HELPDESK, role="helpdesk", buildings=[], actor=SEEDER)

        def progress(done: int) -> None:
            self.stdout.write(f"progress: {done:,} of {total:,} rooms")
            self.stdout.flush()

        made = seeding.add_rooms(seeds=self._seeds(world, sites), actor=SEEDER, progress=progress)
        self.stdout.write(f"{made} rooms added, {Room.objects.count()} in all.")

    @staticmethod
    def _seeds(world: dict[str, Any], sites: dict[str, Building]) -> Iterator[seeding.Seed]:
        mailboxes = {account.email: account for account in Account.objects.all()}
        spaces = {one["space"]["name"]: one for one in control("spaces")["spaces"]}
        begun = {
            call["space"]: datetime.fromisoformat(call["startTime"])
            for call in world["conferences"]
            if not call["endTime"]
        }
        for one in world["rooms"]:
            link = spaces[one["space"]]
            yield seeding.Seed(
                room=rooms.RoomFacts(
                    name=one["name"],
                    building=sites[one["building"]],
                    floor=str(one["floor"]),
                    capacity=one["capacity"],
                    device_name=one["device"]["name"],
                    owners=(one["owner_email"],),
                    deputies=tuple(one["deputy_emails"]),
                ),
                space=space_from_json(link["space"]),
                account=mailboxes[one["account"]],
                created_by_app=link["createdByApp"],
                started_at=begun.get(one["space"]),
            )
