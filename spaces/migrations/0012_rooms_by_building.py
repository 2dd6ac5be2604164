from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("spaces", "0011_waiting_events_of_a_call"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="room",
            index=models.Index(fields=["archived_at", "building", "name", "space"], name="room_by_building"),
        ),
    ]
