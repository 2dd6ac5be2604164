"""The hash chain of the audit log: what tampering a verification finds, concurrent writers, database rights, and the migration."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext

from spaces.access import Permission
from spaces.audit import attempt, note
from spaces.audit.verify import BATCH, Verification
from spaces.models import AuditEntry, AuditHead
from spaces.models.chain import GENESIS, row_hash
from tests import factories

ROOT = Path(__file__).resolve().parents[2]


def append(number: int = 1) -> None:
    rows = [
        AuditEntry(
            action="room:edit", actor_name="x", target=f"room {n}", before={"n": n}, after=[1.5, 1e22, None]
        )
        for n in range(number)
    ]
    AuditEntry.rows.append(rows)


def findings(expected: tuple[int, str] | None = None) -> list[tuple[int, str]]:
    return [(found.seq, found.problem) for found in Verification(expected=expected).findings()]


@pytest.fixture
def five(db: None) -> None:
    append(5)


def test_chain_starts_at_genesis_without_gaps(five):
    rows = list(AuditEntry.rows.order_by("seq"))
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert [row.prev_hash for row in rows] == [GENESIS, *(row.hash for row in rows[:-1])]
    assert str(AuditHead.objects.get()) == f"5:{rows[-1].hash}"
    assert findings() == []


def test_hash_of_a_row_never_changes():
    """Every stored chain depends on it."""
    at = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
    row = {
        "seq": 1,
        "prev_hash": GENESIS,
        "at": at,
        "target": "Äther",
        "reason": "",
        "before": {"b": [1, None], "a": 0},
    }
    assert row_hash(row) == row_hash(row | {"a_later_column": None, "another": ""})
    assert row_hash(row) == "6c2b8ccd5e697edc9d7e6ea72300131ba48db5fa1518eafb3f0c4530beb941bd"


@pytest.mark.django_db
def test_empty_log_is_complete():
    assert findings() == []


@pytest.mark.parametrize(
    "field",
    [field for field in AuditEntry._meta.concrete_fields if field.name != "seq"],
    ids=lambda f: f.name,
)
def test_verify_finds_change_of_any_field(five, field):
    value: object = "tampered"
    if isinstance(field, models.DateTimeField):
        value = datetime(2020, 1, 1, tzinfo=UTC)
    elif isinstance(field, models.ForeignKey):
        value = 1
    elif isinstance(field, models.BigIntegerField):
        value = 77
    AuditEntry.rows.filter(seq=3).update(**{field.attname: value})
    assert next(seq for seq, _problem in findings()) == 3
    assert all("missing" not in problem for _seq, problem in findings())


def test_verify_finds_change_with_a_new_hash_at_the_next_row(five):
    row = AuditEntry.rows.get(seq=3)
    row.target = "tampered"
    AuditEntry.rows.filter(seq=3).update(target=row.target, hash=row_hash(row.content()))
    assert findings() == [(4, "does not follow the row before it")]


@pytest.mark.parametrize(
    ("removed", "expected"),
    [
        ([1], [(1, "missing")]),
        ([3], [(3, "missing")]),
        ([2, 3, 4], [(2, "missing, with the 2 rows after it")]),
        ([5], [(5, "missing, with every row up to 5")]),
        ([4, 5], [(4, "missing, with every row up to 5")]),
        ([1, 2, 3, 4, 5], [(1, "missing, with every row up to 5")]),
    ],
)
def test_verify_finds_missing_rows(five, removed, expected):
    AuditEntry.rows.filter(seq__in=removed).delete()
    assert findings() == expected


def test_verify_finds_swapped_rows(five):
    for seq, new in ((2, 99), (4, 2), (99, 4)):
        AuditEntry.rows.filter(seq=seq).update(seq=new)
    assert [seq for seq, _problem in findings()] == [2, 3, 4, 5]


def test_verify_finds_row_inserted_between_others(five):
    for seq in (5, 4, 3):
        AuditEntry.rows.filter(seq=seq).update(seq=seq + 1)
    AuditEntry.rows.bulk_create([AuditEntry(seq=3, prev_hash=GENESIS, hash=GENESIS, action="x", target="x")])
    assert findings()[0] == (3, "inserted, moved or changed")


@pytest.mark.parametrize(("seq", "problem"), [(0, "before the first row"), (6, "after the end of the chain")])
def test_verify_finds_row_inserted_at_either_end(five, seq, problem):
    last = AuditEntry.rows.get(seq=5)
    row = AuditEntry(seq=seq, prev_hash=last.hash, action="x", target="x")
    row.hash = row_hash(row.content())
    AuditEntry.rows.bulk_create([row])
    assert findings() == [(seq, f"inserted {problem}")]


def test_verify_finds_missing_or_false_head(five):
    AuditHead.objects.update(hash=GENESIS)
    assert findings() == [(5, "not the row that the head of the chain names")]
    AuditHead.objects.all().delete()
    assert findings() == [(5, "the last row, but the head of the chain is missing")]
    with pytest.raises(RuntimeError, match="head of the audit log"):
        append()


def test_expected_hash_finds_a_chain_that_was_written_anew(five):
    known = AuditEntry.rows.get(seq=4)
    assert findings((4, known.hash)) == []
    AuditEntry.rows.all().delete()
    AuditHead.objects.update(seq=0, hash=GENESIS)
    append(3)
    assert findings() == []
    assert findings((4, known.hash)) == [(4, "missing, but its hash was written down")]
    append(2)
    assert findings((4, known.hash)) == [(4, "not the row whose hash was written down")]


def test_verify_reads_in_batches(db, django_assert_num_queries):
    append(BATCH + 1)
    with django_assert_num_queries(5):  # rows before the first, two batches and an empty one, the head
        assert findings() == []


def run(*words: str) -> str:
    out = StringIO()
    call_command("audit", *words, stdout=out)
    return out.getvalue()


def test_command_prints_the_last_row_and_accepts_it(five):
    said = run("verify")
    assert said == f"The audit log is complete: 5 rows. Last row: {AuditHead.objects.get()}\n"
    append()
    assert "6 rows" in run("verify", "--expect", said.split()[-1])


def test_command_fails_and_names_the_row(five):
    AuditEntry.rows.filter(seq=2).update(reason="tampered")
    out = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("audit", "verify", stdout=out)
    assert failure.value.returncode == 1
    assert out.getvalue() == "Row 2: changed.\n"


def test_save_of_a_stored_entry_is_rejected(five):
    with pytest.raises(TypeError):
        AuditEntry.rows.get(seq=2).save()


def test_line_of_an_action_is_its_result_else_its_intent(db):
    intent = AuditEntry.objects.create(action="x", actor_name="x", target="x")
    assert list(AuditEntry.objects.all()) == [intent]
    result = AuditEntry.objects.create(action="x", actor_name="x", target="x", intent=intent, outcome="done")
    assert list(AuditEntry.objects.all()) == [result]
    assert AuditEntry.rows.count() == 2


@pytest.mark.parametrize(("address", "queries"), [("/audit/", 6), ("/rooms/{slug}/?tab=audit", 13)])
def test_pages_of_the_log_take_the_same_number_of_queries_whatever_its_length(
    admin, sign_in, address, queries
):
    room = factories.make_room("3.14")
    browser = sign_in(admin)
    url = address.format(slug=room.slug)
    counts = []
    for more in (1, 2):
        for _ in range(more):
            with attempt(permission=Permission.SETTINGS_CHANGE, actor=admin, room=room):
                pass
        browser.get(url)  # the session is warm
        with CaptureQueriesContext(connection) as captured:
            leaf = browser.get(url).context["leaf"]
        counts.append(len(captured))
        assert leaf.paginator.count == AuditEntry.rows.count() // 2
    assert counts == [queries, queries]


# Who and in which request


def test_entry_holds_who_in_which_role_and_what_it_was_about(admin, owner):
    entry = note(permission=Permission.PEOPLE_MANAGE, actor=admin, about=owner, target=owner.handle)
    assert (entry.actor_address, entry.actor_role) == ("it-admin@example.com", "admin")
    assert (entry.object_type, entry.object_id, entry.target) == ("person", owner.pk, owner.handle)
    assert entry.request_id == ""


def test_entry_holds_the_id_of_its_request(admin, sign_in):
    room = factories.make_room("3.14")
    response = sign_in(admin).post(f"/rooms/{room.slug}/archive/")
    entry = AuditEntry.objects.get()
    assert entry.action == "room:archive"
    assert entry.request_id == response["X-Request-ID"]
    assert len(entry.request_id) == 32


# Several writers

WRITER = """
import django; django.setup()
from spaces.models import AuditEntry
for number in range(40):
    AuditEntry.objects.create(action="room:edit", actor_name="x", target=str(number))
"""


def copy_of_the_database(folder: Path) -> str:
    """Return the address of a database with our tables that other processes can open: ours on PostgreSQL, else a copy in a file."""
    if connection.vendor == "postgresql":
        given = connection.settings_dict
        return f"postgresql://{given['USER']}:{given['PASSWORD']}@{given['HOST'].replace('/', '%2F')}:{given['PORT']}/{given['NAME']}"
    file = folder / "copy.sqlite3"
    with sqlite3.connect(file) as target:
        connection.ensure_connection()
        connection.connection.backup(target)
    return f"sqlite:///{file}"


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_make_one_chain_without_gaps(tmp_path):
    append()
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "meetadmin.settings",
        "DATABASE_URL": copy_of_the_database(tmp_path),
    }
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER], env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [writer.communicate(timeout=100)[1] for writer in writers] == ["", ""]
    check = subprocess.run(
        [sys.executable, "manage.py", "audit", "verify"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "complete: 81 rows" in check.stdout, check.stderr


# Database rights


@pytest.mark.skipif(connection.vendor == "postgresql", reason="the other database")
@pytest.mark.django_db
def test_grants_are_rejected_without_postgresql():
    with pytest.raises(CommandError, match="PostgreSQL"):
        run("grants", "meetadmin")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles")
class TestGrants:
    @pytest.fixture
    def role(self, db: None) -> Iterable[str]:
        with connection.cursor() as cursor:
            cursor.execute('CREATE ROLE "audited app"')
        return "audited app"

    def refused(self, sql: str) -> bool:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
        except DatabaseError as error:
            return "permission denied" in str(error)
        return False

    def test_role_can_append_but_not_change(self, role):
        append(2)
        assert run("grants", role).count("REVOKE") == 2
        assert "not change it" in run("grants", role, "--apply")
        with connection.cursor() as cursor:
            cursor.execute('SET LOCAL ROLE "audited app"')
        append()
        for sql in (
            "UPDATE spaces_audit SET target = 'tampered'",
            "DELETE FROM spaces_audit",
            "TRUNCATE spaces_audit",
            "DELETE FROM spaces_audit_head",
        ):
            assert self.refused(sql), sql
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
        assert findings() == []

    def test_role_that_owns_the_table_is_rejected(self, db):
        with pytest.raises(CommandError, match="owns the audit log"):
            run("grants", connection.settings_dict["USER"])
        with pytest.raises(CommandError, match="does not exist"):
            run("grants", "nobody-here")


# The migration

BEFORE, AFTER = [("spaces", "0018_search_resource_names")], [("spaces", "0019_audit_chain")]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def migrate(to: list[tuple[str, str]]):
    executor = MigrationExecutor(connection)
    executor.migrate(to)
    return executor.loader.project_state(to).apps


@pytest.mark.django_db(transaction=True)
def test_migration_carries_rows_into_the_chain_in_order_of_time_and_back():
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes("spaces")
    try:
        old = migrate(BEFORE).get_model("spaces", "AuditEntry").objects
        facts: list[dict[str, Any]] = [
            {"verb": "room:edit", "detail": "Restored"},
            {"verb": "room:edit", "detail": "Archived", "key": "one", "before": {"b": 1, "a": [2]}},
            {"verb": "people:manage", "after": {"active": False}},
            {"verb": "people:merge", "detail": "Kept apart: a and b are two people.", "google_says": "no"},
            {"verb": "conference:end", "outcome": "started", "finished_at": None},
        ]
        for number, fact in enumerate(facts):
            at = BEGIN - timedelta(days=number)
            old.create(
                **{"at": at, "finished_at": at, "actor_name": "x", "target": "y", "outcome": "done", **fact}
            )
        former = sorted(
            json.dumps(row, default=str) for row in old.exclude(verb="").values("at", "key", "before")
        )

        migrate(AFTER)
        rows = list(AuditEntry.rows.order_by("seq"))
        assert [row.action for row in rows] == [
            "conference:end", "people:keep_apart", "people:lock", "room:archive", "room:restore"
        ]  # fmt: skip
        assert [row.at for row in rows] == sorted(row.at for row in rows)
        assert (rows[0].is_open, rows[1].google_says, rows[3].detail, rows[3].key) == (
            True,
            "no",
            "Archived",
            "one",
        )
        assert findings() == []
        append()
        assert findings() == []

        old = migrate(BEFORE).get_model("spaces", "AuditEntry").objects
        again = old.exclude(target="room 0").values("at", "key", "before")
        assert sorted(json.dumps(row, default=str) for row in again) == former
        old.all().delete()
    finally:
        migrate(latest)
