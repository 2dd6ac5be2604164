from datetime import timedelta
from typing import Any

from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone


def carry_over(apps: Any, _: Any) -> None:
    """Spaces made by us, doubts that have become trouble, and problems of accounts, in the new columns."""
    Space, Account = apps.get_model("spaces", "Space"), apps.get_model("spaces", "Account")
    entries = apps.get_model("spaces", "AuditEntry").objects
    made = entries.filter(verb="space:create", outcome="done").exclude(space_name="")
    Space.objects.filter(name__in=made.values("space_name"), origin="ours").update(created_here=True)
    asked = Coalesce(F("checked_at"), F("created_at"))
    Space.objects.exclude(trouble="").update(doubted_since=asked, doubted_at=asked)
    for account in Account.objects.exclude(problem=""):
        broken = account.status == "broken"
        since = account.problem_since or timezone.now() - timedelta(seconds=1)
        account.failing = {
            "access" if broken else "watch": {
                "since": since.isoformat(),
                "at": timezone.now().isoformat(),
                "broken": broken,
                "sentence": account.problem,
                "google_says": "",
            }
        }
        account.save(update_fields=["failing"])


class Migration(migrations.Migration):
    dependencies = [
        ("spaces", "0013_search_text"),
    ]

    operations = [
        migrations.AddField("account", "failing", models.JSONField(blank=True, default=dict)),
        migrations.AddField(
            "account",
            "google_says",
            models.TextField(
                blank=True, default="", help_text="Google's own sentence about the problem, for admins."
            ),
        ),
        migrations.AddField(
            "auditentry",
            "google_says",
            models.TextField(
                blank=True, default="", help_text="Google's own sentence about a refusal, for admins."
            ),
        ),
        migrations.AddField(
            "space",
            "created_here",
            models.BooleanField(
                default=False, help_text="We made it ourselves, so no refusal makes its origin foreign."
            ),
        ),
        migrations.AddField("space", "doubted_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("space", "doubted_since", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "space",
            "google_says",
            models.TextField(
                blank=True, default="", help_text="Google's own sentence about its last refusal, for admins."
            ),
        ),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
    ]
