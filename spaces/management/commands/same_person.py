"""`manage.py same_person ADDRESS`: settle from the server's side that a new Google account is the person who had the address."""

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from spaces.access import OPERATOR
from spaces.actions import succession
from spaces.audit import ActionRejected
from spaces.models import Person


class Command(BaseCommand):
    help = (
        "Give role, rooms and settings of the earlier Google account with this address to the one that uses it now: the account was "
        "deleted and created again for the same person. It is written into the audit log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="the e-mail address with which they sign in")
        parser.add_argument("--reason", default="Settled on the server", help="kept in the audit log")

    def handle(self, *args: Any, address: str, reason: str, **options: Any) -> None:
        present = Person.objects.by_address(address)
        earlier = Person.objects.filter(address_taken_by=present) if present else Person.objects.none()
        if present is None or not earlier:
            raise CommandError(
                f"No new Google account waits to be settled for {address}. It has to sign in once; then run this again."
            )
        for person in earlier:
            try:
                outcome = succession.merge(person=person, other=present, reason=reason, actor=OPERATOR)
            except ActionRejected as refusal:
                raise CommandError(str(refusal.message)) from refusal
            self.stdout.write(str(outcome.message))
