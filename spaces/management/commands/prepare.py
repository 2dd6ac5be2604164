"""`manage.py prepare`: everything an installation needs before its processes start. Harmless twice."""

from typing import Any

from django.core.management import BaseCommand, call_command

from spaces.access import SYSTEM
from spaces.actions import accounts


class Command(BaseCommand):
    help = "Bring the database up to date and make an account of every configured room mailbox."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        made = accounts.sync_configured(actor=SYSTEM)
        self.stdout.write(f"Database is up to date; {made} new accounts.")
