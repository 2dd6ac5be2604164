"""The audit trail: what every ending of a change leaves behind, and that nothing ever takes it away."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import models, transaction

from spaces import audit
from spaces.access import SYSTEM, NotAllowed, Permission
from spaces.google.errors import AccessRefused, OutcomeUnknown, TryLater
from spaces.models import AuditEntry, Person, Room
from tests import factories

ROOT = Path(__file__).resolve().parents[2]
VERB = Permission.CONFERENCE_END


def attempt(actor, **more):
    return audit.attempt(permission=VERB, actor=actor, **more)


def entry() -> AuditEntry:
    return AuditEntry.objects.get()


def test_a_change_that_went_well_is_done(owner):
    space = factories.make_space()
    room = factories.make_room("3.14", space=space)
    with attempt(owner, room=room, reason="why", before={"a": 1}) as row:
        assert entry().outcome == AuditEntry.Outcome.STARTED  # stored before anything leaves the house
        assert entry().finished_at is None
        row.after = {"a": 2}
        row.detail = "said"
    stored = entry()
    assert stored.outcome == AuditEntry.Outcome.DONE
    assert (stored.before, stored.after, stored.detail, stored.reason) == ({"a": 1}, {"a": 2}, "said", "why")
    assert (stored.target, stored.space_name) == ("3.14 (Berlin)", space.name)
    assert stored.finished_at is not None
    assert stored.is_open is False


def test_the_block_may_say_that_nothing_was_left_to_do(owner):
    with attempt(owner) as row:
        row.outcome = AuditEntry.Outcome.ALREADY
    assert entry().outcome == AuditEntry.Outcome.ALREADY


@pytest.mark.parametrize(
    ("trouble", "outcome", "is_open"),
    [
        (TryLater("Google is away."), "failed", False),
        (OutcomeUnknown("Nobody knows."), "unknown", True),
        (audit.ActionRejected("call.changed"), "refused", False),
    ],
)
def test_a_handled_trouble_is_stored_and_goes_on(owner, trouble, outcome, is_open):
    with pytest.raises(type(trouble)), attempt(owner):
        raise trouble
    stored = entry()
    assert (stored.outcome, stored.is_open) == (outcome, is_open)
    assert stored.detail == (getattr(trouble, "message", None) or trouble.sentence)
    assert stored.finished_at is not None


@pytest.mark.parametrize("crash", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_crash_leaves_the_honest_answer_that_nobody_knows(owner, crash):
    with pytest.raises(crash), attempt(owner):
        raise crash
    stored = entry()
    assert (stored.outcome, stored.finished_at) == (AuditEntry.Outcome.STARTED, None)
    assert stored.is_open is True
    assert stored.get_outcome_display() == "In progress"
    stored.at -= timedelta(minutes=2)
    assert stored.get_outcome_display() == "Result unknown"


def test_the_same_key_is_asked_once(owner):
    with attempt(owner, key="one-and-only-key"):
        pass
    done = []
    with pytest.raises(audit.DuplicateRequest) as again, attempt(owner, key="one-and-only-key"):
        done.append("never")
    assert done == []
    assert again.value.entry == entry()


def test_changes_without_a_key_do_not_meet(owner):
    for _ in range(2):
        with attempt(owner):
            pass
    assert AuditEntry.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_no_change_at_google_inside_a_transaction(owner):
    """A rollback would take the row away, and locks would be held while Google thinks."""
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), attempt(owner):
        pass
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_note_stands_and_falls_with_its_change(owner):
    class TheChangeFails(Exception):
        pass

    def change() -> None:
        with transaction.atomic():
            audit.note(permission=VERB, actor=owner)
            raise TheChangeFails

    with pytest.raises(TheChangeFails):
        change()
    assert not AuditEntry.objects.exists()


def test_a_note_is_finished_at_once_and_keyed(owner):
    audit.note(permission=VERB, actor=owner, target="somebody", key="note-key", before=1, after=2)
    assert (entry().outcome, entry().target, entry().before, entry().after) == ("done", "somebody", 1, 2)
    with pytest.raises(audit.DuplicateRequest):
        audit.note(permission=VERB, actor=owner, key="note-key")
    assert AuditEntry.objects.count() == 1


def test_the_timetable_is_named_and_is_no_person(db):
    audit.note(permission=Permission.PEOPLE_ADMIT, actor=SYSTEM)
    assert (entry().actor, entry().actor_name) == (None, "Meetadmin")


@pytest.mark.parametrize("verb", [Permission.SETTINGS_CHANGE, Permission.CONFERENCE_END])
def test_a_system_can_do_nothing_without_holding_the_permission(db, verb):
    with pytest.raises(NotAllowed), audit.attempt(permission=verb, actor=SYSTEM):
        pytest.fail("it was let in")
    with pytest.raises(NotAllowed):
        audit.note(permission=verb, actor=SYSTEM)
    assert not AuditEntry.objects.exists()


def test_googles_own_sentence_is_kept(owner):
    error = AccessRefused("The project is suspended.")
    error.google_says = "Consumer has been suspended."
    with pytest.raises(AccessRefused), attempt(owner):
        raise error
    assert (entry().outcome, entry().google_says) == ("failed", "Consumer has been suspended.")


def test_rows_outlive_room_person_and_space(owner):
    space = factories.make_space()
    room = factories.make_room("3.14", space=space)
    owner.name = "Room Owner"
    with attempt(owner, room=room):
        pass
    Room.objects.all().delete()
    Person.objects.all().delete()
    stored = entry()
    assert (stored.actor, stored.room) == (None, None)
    assert stored.actor_name == "Room Owner (room-owner@example.com)"
    assert (stored.target, stored.space_name) == ("3.14 (Berlin)", space.name)


def test_no_link_of_a_row_cascades():
    for field in AuditEntry._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            assert field.remote_field.on_delete in {models.DO_NOTHING, models.PROTECT}, (
                f"AuditEntry.{field.name} would delete or change rows together with what they describe."
            )


def test_no_code_deletes_or_rewrites_audit_rows():
    """House rule: nothing in the code deletes the trail; only spaces/audit.py writes it."""
    for path in sorted((ROOT / "spaces").rglob("*.py")):
        text = path.read_text()
        if "AuditEntry" not in text and ".audit" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                if "AuditEntry" in called or ".audit." in called:
                    assert node.func.attr not in {
                        "delete",
                        "update",
                        "bulk_update",
                        "create",
                        "bulk_create",
                    }, (
                        f"{path.relative_to(ROOT)}: {called}() – audit rows are written by spaces/audit.py and never taken away."
                    )


@pytest.mark.parametrize(
    ("name", "email"), [("N" * 200, f"{'e' * 64}@{'d' * 60}.{'d' * 60}.example.com"), ("", "a" * 254)]
)
def test_a_long_name_and_address_fit_into_the_log_and_the_call(db, name, email):
    """PostgreSQL refuses what is too long; SQLite would take it."""
    person = factories.make_person(email, name=name, role="admin")
    assert len(person.label) <= 300
    assert email in person.label, "the address stays whole"
    entry = audit.note(permission=Permission.PEOPLE_MANAGE, actor=person, target=person.handle)
    entry.refresh_from_db()
    assert entry.actor_name == person.label
    call = factories.make_call(factories.make_space())
    call.ended_by = person.label
    call.full_clean(exclude=[field.name for field in call._meta.fields if field.name != "ended_by"])
    call.save()
