"""Devices by Google id, bots as a kind of their own, recordings of running calls, and the names of rooms in normalised form."""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import spaces.models.devices

NAMES = ("name_words", "device_words", "resource_words")


def normalise_names(apps: Any, schema_editor: Any) -> None:
    """Fill the normalised names of the rooms that are there."""
    rooms = apps.get_model("spaces", "Room")
    fields = {name: rooms._meta.get_field(name) for name in NAMES}
    for room in list(rooms.objects.only("name", "device_name", "resource_name")):
        # One by one: bulk_update takes several times as long.
        rooms.objects.filter(pk=room.pk).update(
            **{name: field.pre_save(room, add=False) for name, field in fields.items()}
        )


class Migration(migrations.Migration):
    dependencies = [
        ("spaces", "0014_google_says"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeviceIdentity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("google_id", models.CharField(max_length=255, unique=True)),
                ("display_name", models.CharField(blank=True, max_length=300)),
                ("is_device", models.BooleanField(null=True)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name_plural": "device identities",
                "ordering": ["display_name", "pk"],
            },
        ),
        migrations.AddField(
            model_name="conference",
            name="all_bots",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="conference",
            name="bots",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="conference",
            name="recording_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="conference",
            name="recordings_read_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="room",
            name="device_words",
            field=spaces.models.devices.NormalisedName(
                blank=True, default="", editable=False, max_length=400, sources=("device_name",)
            ),
        ),
        migrations.AddField(
            model_name="room",
            name="name_words",
            field=spaces.models.devices.NormalisedName(
                blank=True, default="", editable=False, max_length=400, sources=("name",)
            ),
        ),
        migrations.AddField(
            model_name="room",
            name="resource_name",
            field=models.CharField(
                blank=True, help_text="Name of the room in Google Calendar, as a resource.", max_length=200
            ),
        ),
        migrations.AddField(
            model_name="room",
            name="resource_words",
            field=spaces.models.devices.NormalisedName(
                blank=True, default="", editable=False, max_length=400, sources=("resource_name",)
            ),
        ),
        migrations.AlterField(
            model_name="participant",
            name="kind",
            field=models.CharField(
                choices=[
                    ("person", "Person"),
                    ("device", "Room device"),
                    ("phone", "Phone"),
                    ("guest", "Guest without sign-in"),
                    ("bot", "Note-taking bot"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="participation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("person", "Person"),
                    ("device", "Room device"),
                    ("phone", "Phone"),
                    ("guest", "Guest without sign-in"),
                    ("bot", "Note-taking bot"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="room",
            index=models.Index(fields=["name_words"], name="room_name_words"),
        ),
        migrations.AddIndex(
            model_name="room",
            index=models.Index(fields=["device_words"], name="room_device_words"),
        ),
        migrations.AddIndex(
            model_name="room",
            index=models.Index(fields=["resource_words"], name="room_resource_words"),
        ),
        migrations.AddField(
            model_name="deviceidentity",
            name="confirmed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="deviceidentity",
            name="room",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="device_identities",
                to="spaces.room",
            ),
        ),
        migrations.RunPython(normalise_names, migrations.RunPython.noop),
    ]
