"""`manage.py make_admin ADDRESS`: an admin from the server's side, for the day on which none is left."""

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from spaces.access import OPERATOR
from spaces.actions import people
from spaces.audit import ActionRejected


class Command(BaseCommand):
    help = "Make somebody an admin of everything, whether they have signed in before or not. It is written into the audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="the e-mail address with which they sign in")

    def handle(self, *args: Any, address: str, **options: Any) -> None:
        try:
            outcome = people.set_role(email=address, role="admin", buildings=[], actor=OPERATOR)
        except ActionRejected as refusal:
            raise CommandError(str(refusal.message)) from refusal
        self.stdout.write(str(outcome.message))
