from collections.abc import Sequence
from typing import Any

from django.db import migrations

from spaces.models.search import SearchField, searchable

SOURCES = {"Building": ("name", "code"), "Room": ("name", "floor", "device_name")}


def fill(apps: Any, _schema_editor: Any) -> None:
    """Give every row that is there its searchable text."""
    for name, sources in SOURCES.items():
        _fill(apps.get_model("spaces", name), sources)


def _fill(model: Any, sources: Sequence[str]) -> None:
    rows = list(model.objects.only("pk", *sources))
    for row in rows:
        row.search_text = searchable(getattr(row, source) for source in sources)
    model.objects.bulk_update(rows, ["search_text"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("spaces", "0012_rooms_by_building"),
    ]

    operations = [
        migrations.AddField("building", "search_text", SearchField(sources=SOURCES["Building"])),
        migrations.AddField("room", "search_text", SearchField(sources=SOURCES["Room"])),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
