from typing import Any

from django.db import migrations, models

from spaces.models.names import NameKeyField, name_key, tidy


def normalise(apps: Any, _schema_editor: Any) -> None:
    """Give every building and room its tidy name and the key of it.

    Of rooms of one building whose names are now the same, the oldest keeps its name; the others get a number behind it, "Berlin 1.01
    (2)", so that none is lost. "UTC" was written where nobody had chosen a time zone, so it counts as not chosen.
    """
    building_model, room_model = apps.get_model("spaces", "Building"), apps.get_model("spaces", "Room")
    buildings = list(building_model.objects.all())
    for building in buildings:
        building.name = tidy(building.name)[:120] or building.code
        building.name_key = name_key(building.name)
        building.time_zone = "" if building.time_zone == "UTC" else building.time_zone
    building_model.objects.bulk_update(buildings, ["name", "name_key", "time_zone"], batch_size=500)
    taken: set[tuple[int, str]] = set()
    rooms = list(room_model.objects.order_by("pk").only("pk", "building_id", "name", "floor"))
    for room in rooms:
        room.floor = tidy(room.floor)
        name = wanted = tidy(room.name)[:110] or f"Room {room.pk}"
        number = 2
        while (room.building_id, name_key(name)) in taken:
            name, number = f"{wanted} ({number})", number + 1
        taken.add((room.building_id, name_key(name)))
        room.name, room.name_key = name, name_key(name)
    room_model.objects.bulk_update(rooms, ["name", "name_key", "floor"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("spaces", "0015_devices_and_recordings"),
    ]

    operations = [
        migrations.RemoveConstraint("room", "room_name_unique_in_building"),
        migrations.AddField(
            "building", "address", models.TextField(blank=True, default=""), preserve_default=False
        ),
        migrations.AlterField("building", "time_zone", models.CharField(blank=True, max_length=64)),
        migrations.AddField("building", "name_key", NameKeyField(db_index=True)),
        migrations.AddField("room", "name_key", NameKeyField()),
        migrations.RunPython(normalise, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            "room",
            models.UniqueConstraint(fields=["building", "name_key"], name="room_name_key_unique_in_building"),
        ),
    ]
