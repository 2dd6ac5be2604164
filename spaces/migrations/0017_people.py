"""People without an address: given up instead of invented, merged, and their aliases."""

import re
from typing import Any

import django.db.models.deletion
from django.db import migrations, models

INVENTED = re.compile(r"former-(\d+)\.(.+@.+)")


def give_up_invented_addresses(apps: Any, schema_editor: Any) -> None:
    """Turn "former-3.name@example.com" of person 3 into an address that was given up."""
    people = apps.get_model("spaces", "Person").objects.using(schema_editor.connection.alias)
    for person in people.filter(email__startswith="former-"):
        found = INVENTED.fullmatch(person.email)
        if found and int(found.group(1)) == person.pk:
            present = people.filter(email=found.group(2)).first()
            people.filter(pk=person.pk).update(
                email=None, former_email=found.group(2), address_taken_by=present
            )


def invent_addresses(apps: Any, schema_editor: Any) -> None:
    """The way back: an address is required and unique again."""
    people = apps.get_model("spaces", "Person").objects.using(schema_editor.connection.alias)
    for person in people.filter(email=None):
        people.filter(pk=person.pk).update(email=f"former-{person.pk}.{person.former_email}"[:254])


class Migration(migrations.Migration):
    dependencies = [("spaces", "0016_buildings_and_names")]

    operations = [
        migrations.AlterModelOptions(
            name="person",
            options={"ordering": ["email", "former_email", "pk"], "verbose_name_plural": "people"},
        ),
        migrations.AlterField(
            model_name="person",
            name="email",
            field=models.EmailField(blank=True, max_length=254, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="person",
            name="former_email",
            field=models.EmailField(blank=True, default="", max_length=254),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="person",
            name="address_taken_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="addresses_taken",
                to="spaces.person",
            ),
        ),
        migrations.AddField(
            model_name="person",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged",
                to="spaces.person",
            ),
        ),
        migrations.CreateModel(
            name="PersonAlias",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", models.EmailField(max_length=254, unique=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="aliases",
                        to="spaces.person",
                    ),
                ),
            ],
            options={"verbose_name_plural": "person aliases", "ordering": ["address"]},
        ),
        migrations.AlterField(
            model_name="conference",
            name="ended_by",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.RunPython(give_up_invented_addresses, invent_addresses),
    ]
