from collections import defaultdict
from typing import Any

from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone

BATCH = 500
FACTS = (
    *("pk", "building__name", "space", "space__trouble", "space__owned", "space__liveness"),
    *("space__account__status", "space__conference__people", "space__conference__guests"),
    *("space__conference__recording_since", "space__conference__stuck_at"),
)


def fill(apps: Any, _schema_editor: Any) -> None:
    """Store the state of every room. Rooms that get the same values are written together: all but those with a call."""
    room_model, now = apps.get_model("spaces", "Room"), timezone.now()
    alike = defaultdict(list)
    for key, *facts in room_model.objects.order_by("pk").values_list(*FACTS):
        alike[_columns(*facts, now=now)].append(key)
    for columns, keys in alike.items():
        for start in range(0, len(keys), BATCH):
            room_model.objects.filter(pk__in=keys[start : start + BATCH]).update(**dict(columns))


def _columns(
    building_name: str,
    space: int | None,
    trouble: str,
    owned: bool | None,  # noqa: FBT001
    liveness: str,
    status: str,
    people: int | None,
    guests: int | None,
    recording_since: Any,
    stuck_at: Any,
    *,
    now: Any,
) -> tuple[tuple[str, Any], ...]:
    reason = ""
    if space is None:
        state = "none"
    elif status == "broken":
        state, reason = "unknown", "account_broken"
    elif trouble:
        state, reason = "unknown", trouble
    elif liveness == "idle":
        state = "idle"
    elif liveness != "active":
        state, reason = "unknown", "never_checked" if owned else "not_owned"
    else:
        state = "stuck" if stuck_at and stuck_at <= now else "live"
    is_on = state in {"live", "stuck"}
    rank = {"stuck": 0 if recording_since else 1, "unknown": 2, "live": 3}.get(state, 4)
    return (
        ("state", state),
        ("state_reason", reason),
        ("rank", rank),
        ("need", min(rank, 3)),
        ("people_in", (people or 0) + (guests or 0) if is_on else 0),
        ("stuck_at", stuck_at if is_on else None),
        ("building_name", building_name),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("spaces", "0019_audit_chain"),
    ]

    operations = [
        migrations.RemoveIndex("conference", "conference_stuck"),
        migrations.RemoveIndex("room", "room_for_lists"),
        migrations.RemoveIndex("room", "room_by_building"),
        migrations.RemoveIndex("room", "spaces_room_archive_d7b029_idx"),
        migrations.RemoveIndex("space", "space_state"),
        migrations.AddField(
            "room", "building_name", models.CharField(default="", editable=False, max_length=120)
        ),
        migrations.AddField("room", "need", models.PositiveSmallIntegerField(default=3, editable=False)),
        migrations.AddField("room", "people_in", models.PositiveIntegerField(default=0, editable=False)),
        migrations.AddField("room", "rank", models.PositiveSmallIntegerField(default=4, editable=False)),
        migrations.AddField("room", "state", models.CharField(default="none", editable=False, max_length=10)),
        migrations.AddField(
            "room", "state_reason", models.CharField(default="", editable=False, max_length=20)
        ),
        migrations.AddField("room", "stuck_at", models.DateTimeField(editable=False, null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            "room",
            models.Index(
                condition=Q(archived_at=None),
                fields=["need", "building_name", "rank", "name", "id", "state", "archived_at"],
                name="room_by_need",
            ),
        ),
        migrations.AddIndex(
            "room",
            models.Index(
                condition=Q(archived_at=None),
                fields=["building_name", "name", "id", "archived_at"],
                name="room_by_building",
            ),
        ),
        migrations.AddIndex(
            "room",
            models.Index(
                condition=Q(archived_at=None),
                fields=["building_name", "state", "people_in", "archived_at"],
                name="room_counters",
            ),
        ),
        migrations.AddIndex(
            "room",
            models.Index(
                condition=Q(archived_at=None),
                fields=["name", "building_name", "id", "archived_at"],
                name="room_by_name",
            ),
        ),
        migrations.AddIndex(
            "room",
            models.Index(condition=Q(stuck_at__isnull=False), fields=["stuck_at"], name="room_stuck_at"),
        ),
    ]
