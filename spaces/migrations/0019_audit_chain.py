"""The audit log becomes append-only rows in a hash chain. Existing rows are carried over in order of time."""

from itertools import islice
from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from spaces.models.chain import GENESIS, plain, row_hash

BATCH = 2000
SAME = [
    "at",
    "finished_at",
    "actor_id",
    "actor_name",
    "room_id",
    "target",
    "space_name",
    "outcome",
    "reason",
    "google_says",
    "before",
    "after",
    "key",
]


def own_action(verb: str, detail: str, after: Any) -> str:
    """Return the word of an action that shared its word with others until now."""
    if verb == "room:edit":
        return {"Archived": "room:archive", "Restored": "room:restore"}.get(detail, verb)
    if verb == "people:manage" and isinstance(after, dict) and "active" in after:
        return "people:unlock" if after["active"] else "people:lock"
    if verb == "people:merge" and detail.startswith("Kept apart:"):
        return "people:keep_apart"
    if verb == "people:merge" and detail.startswith("Separated:"):
        return "people:separate"
    if verb == "people:admit" and detail.startswith("Admin by configuration"):
        return "people:first_admin"
    if verb == "people:admit" and detail.startswith("The address belongs to another"):
        return "people:lose_address"
    return verb


def into_chain(apps: Any, schema_editor: Any) -> None:
    """Copy the rows of the old table into the chain. Plain SQL: for a million rows the ORM's objects take several times as long."""
    connection = schema_editor.connection
    fields = apps.get_model("spaces", "AuditEntry")._meta.concrete_fields
    names, marks = (", ".join(each) for each in zip(*((f.column, "%s") for f in fields), strict=True))
    insert = f"INSERT INTO spaces_audit ({names}) VALUES ({marks})"  # noqa: S608
    empty = {f.attname: "" if f.empty_strings_allowed and not f.null else None for f in fields}
    old_rows = apps.get_model("spaces", "AuditEntryBefore").objects.using(connection.alias)
    rows = old_rows.order_by("at", "pk").values(*SAME, "verb", "detail").iterator(chunk_size=BATCH)
    seq, last = 0, GENESIS
    while batch := list(islice(rows, BATCH)):
        prepared = []
        for old in batch:
            seq += 1
            row = empty | chained(old) | {"seq": seq, "prev_hash": last}
            last = row["hash"] = row_hash({name: value for name, value in row.items() if name != "hash"})
            prepared.append([f.get_db_prep_save(row[f.attname], connection) for f in fields])
        with connection.cursor() as cursor:
            cursor.executemany(insert, prepared)
    apps.get_model("spaces", "AuditHead").objects.using(connection.alias).create(pk=1, seq=seq, hash=last)


def chained(old: dict[str, Any]) -> dict[str, Any]:
    """Return what the new row holds of an old one."""
    row = {name: old[name] for name in SAME}
    row["before"], row["after"] = plain(old["before"]), plain(old["after"])
    row["action"] = own_action(old["verb"], old["detail"], old["after"])
    if old["room_id"]:
        row |= {"object_type": "room", "object_id": old["room_id"]}
    if old["detail"]:
        row["result_params"] = {"sentence": old["detail"]}
    return row


def out_of_chain(apps: Any, schema_editor: Any) -> None:
    """Copy back what the former table can hold: one row for each action, sentences only where they are plain."""
    database = schema_editor.connection.alias
    entries = apps.get_model("spaces", "AuditEntry").objects.using(database)
    old_model = apps.get_model("spaces", "AuditEntryBefore")
    lines = entries.filter(result=None).order_by("seq").select_related("intent").iterator(chunk_size=BATCH)
    while batch := list(islice(lines, BATCH)):
        rows = []
        for entry in batch:
            row = old_model(**{name: getattr(entry, name) for name in SAME}, verb=entry.action)
            row.key = entry.key or (entry.intent.key if entry.intent else None)
            sentence = (entry.result_params or {}).get("sentence", "")
            row.detail = sentence if isinstance(sentence, str) else sentence["text"]
            rows.append(row)
        old_model.objects.using(database).bulk_create(rows)


def historical_key(to: str, related_name: str) -> Any:
    return models.ForeignKey(
        blank=True,
        db_constraint=False,
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name=related_name,
        to=to,
    )


class Migration(migrations.Migration):
    dependencies = [("spaces", "0018_search_resource_names")]

    operations = [
        # The table keeps its name, so nothing happens in the database before the new one is filled.
        migrations.AlterModelTable(name="auditentry", table="spaces_auditentry"),
        migrations.RenameModel(old_name="AuditEntry", new_name="AuditEntryBefore"),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seq", models.BigIntegerField(default=0)),
                ("hash", models.CharField(default=GENESIS, max_length=64)),
            ],
            options={"db_table": "spaces_audit_head"},
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="Position in the chain, from 1 without gaps.",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("prev_hash", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64)),
                (
                    "intent",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="result",
                        to="spaces.auditentry",
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="When the action began."
                    ),
                ),
                (
                    "finished_at",
                    models.DateTimeField(blank=True, help_text="Empty in an intent.", null=True),
                ),
                ("action", models.CharField(max_length=40)),
                ("object_type", models.CharField(blank=True, max_length=20)),
                ("object_id", models.BigIntegerField(blank=True, null=True)),
                (
                    "target",
                    models.CharField(help_text="The object's name at that time.", max_length=300),
                ),
                ("room", historical_key("spaces.room", "audit")),
                ("space_name", models.CharField(blank=True, max_length=200)),
                ("actor", historical_key(settings.AUTH_USER_MODEL, "+")),
                ("actor_name", models.CharField(max_length=300)),
                ("actor_address", models.CharField(blank=True, max_length=254)),
                ("actor_role", models.CharField(blank=True, max_length=40)),
                ("job", models.CharField(blank=True, max_length=64)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("lane", models.CharField(blank=True, max_length=20)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("started", "Result unknown"),
                            ("done", "Done"),
                            ("already", "Nothing left to do"),
                            ("refused", "Refused"),
                            ("failed", "Failed"),
                            ("unknown", "Result unknown"),
                        ],
                        default="started",
                        max_length=10,
                    ),
                ),
                ("result_code", models.CharField(blank=True, max_length=60)),
                ("result_params", models.JSONField(blank=True, null=True)),
                ("reason", models.TextField(blank=True)),
                (
                    "google_says",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="Google's own sentence about a refusal, for admins.",
                    ),
                ),
                ("before", models.JSONField(blank=True, null=True)),
                ("after", models.JSONField(blank=True, null=True)),
                ("key", models.CharField(blank=True, max_length=64, null=True, unique=True)),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "db_table": "spaces_audit",
                "ordering": ["-at", "-seq"],
                "indexes": [
                    models.Index(fields=["-at", "-seq"], name="audit_at"),
                    models.Index(fields=["room", "-at", "-seq"], name="audit_room_at"),
                    models.Index(fields=["action", "-at"], name="audit_action_at"),
                ],
            },
        ),
        migrations.RunPython(into_chain, out_of_chain),
        migrations.DeleteModel(name="AuditEntryBefore"),
    ]
