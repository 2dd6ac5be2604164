"""`manage.py prepare`: everything an installation needs before its processes start. Harmless twice."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, call_command

from spaces.access import SYSTEM
from spaces.actions import accounts

NEEDED = {
    "DOMAINS": "MEETADMIN_DOMAINS is empty, so nobody can sign in. Write your Workspace domain there.",
    "GOOGLE_CLIENT_ID": "GOOGLE_CLIENT_ID is empty, so nobody can sign in (docs/install.md).",
    "TOKEN_KEYS": "MEETADMIN_TOKEN_KEYS is empty, so nobody can connect a Google account (docs/install.md).",
}


class Command(BaseCommand):
    requires_system_checks = []  # the web process runs them; here they would only cost a second of every start
    help = "Bring the database up to date and make an account of every configured room mailbox."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        made = accounts.sync_configured(actor=SYSTEM)
        for name, without in NEEDED.items():
            if not getattr(settings, name):
                self.stderr.write(f"Note: {without}")
        self.stdout.write(f"Database is up to date; {made} new accounts.")
