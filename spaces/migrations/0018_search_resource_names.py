from typing import Any

from django.db import migrations

from spaces.models.search import SearchField, searchable

SOURCES = ("name", "floor", "device_name", "resource_name")


def fill(apps: Any, _schema_editor: Any) -> None:
    """Make the rooms findable by their names in Google Calendar."""
    room_model = apps.get_model("spaces", "Room")
    rows = list(room_model.objects.exclude(resource_name="").only("pk", *SOURCES))
    for row in rows:
        row.search_text = searchable(getattr(row, source) for source in SOURCES)
    room_model.objects.bulk_update(rows, ["search_text"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("spaces", "0017_people"),
    ]

    operations = [
        migrations.AlterField("room", "search_text", SearchField(sources=SOURCES)),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
