from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from spaces.models.search import LONGEST_WORD
from spaces.models.spaces import END, MIDDLE, code_part

ROOMS_AT_ONCE = 1000


def fill(apps: Any, _schema_editor: Any) -> None:
    """Store the words of the rooms that are there."""
    room_model, search_word, room_word = (
        apps.get_model("spaces", name) for name in ("Room", "SearchWord", "RoomWord")
    )
    keys: dict[str, int] = {}
    last = 0
    while rows := list(
        room_model.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "search_text")[:ROOMS_AT_ONCE]
    ):
        last = rows[-1][0]
        pairs = sorted({(word[:LONGEST_WORD], room) for room, text in rows for word in text.split()})
        new = sorted({word for word, _room in pairs} - keys.keys())
        search_word.objects.bulk_create([search_word(text=word) for word in new], ignore_conflicts=True)
        keys |= dict(search_word.objects.filter(text__in=new).values_list("text", "pk"))
        room_word.objects.bulk_create(
            [room_word(word_id=keys[word], room_id=room) for word, room in pairs], ignore_conflicts=True
        )


class Migration(migrations.Migration):
    dependencies = [
        ("spaces", "0020_stored_state"),
    ]

    operations = [
        migrations.AddIndex("space", models.Index(code_part(MIDDLE), name="space_code_middle")),
        migrations.AddIndex("space", models.Index(code_part(END), name="space_code_end")),
        migrations.CreateModel(
            "SearchWord",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(max_length=LONGEST_WORD, unique=True)),
            ],
        ),
        migrations.CreateModel(
            "RoomWord",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "room",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="words", to="spaces.room"
                    ),
                ),
                (
                    "word",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rooms",
                        to="spaces.searchword",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["word", "room"], name="room_has_word_once")]
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
