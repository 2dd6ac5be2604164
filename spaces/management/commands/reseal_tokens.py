"""`manage.py reseal_tokens`: after a new key was put in front of MEETADMIN_TOKEN_KEYS, so that the old one can go."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from spaces.access import OPERATOR
from spaces.actions import accounts


class Command(BaseCommand):
    help = "Seal all stored access to Google accounts with the first key of MEETADMIN_TOKEN_KEYS. Harmless twice, and while everything runs."

    def handle(self, *args: Any, **options: Any) -> None:
        done, closed = accounts.reseal(actor=OPERATOR)
        self.stdout.write(f"{done} resealed.")
        if closed:
            raise CommandError(
                f"None of the keys opens the access of {', '.join(closed)}. Keep the old key, or let these accounts be connected again."
            )
