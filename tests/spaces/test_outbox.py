"""Domain events: which changes write them, and how consumers get them."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from spaces import access, outbox, registry
from spaces.access import SYSTEM
from spaces.google import resources
from spaces.google.errors import AccessRefused, NotFound
from spaces.models import Building, Conference, DomainEvent, EventCursor, Space, state
from spaces.models.spaces import CONFIRM_AFTER
from spaces.sync import events
from spaces.sync.apply.conferences import apply_recordings
from spaces.sync.apply.spaces import apply_access, apply_conference, mark_unavailable
from tests import factories
from tests.support.rooms import space_of

Kind = DomainEvent.Kind


def call_of(space: Space) -> Conference:
    assert space.conference is not None
    return space.conference


def starts(space: Space) -> None:
    apply_conference(space, "conferenceRecords/new", seen_at=timezone.now())


def goes_on(space: Space) -> None:
    apply_conference(space, call_of(space).record, seen_at=timezone.now())


def ends(space: Space) -> None:
    apply_conference(space, None, seen_at=timezone.now())


def ends_before_it_was_known(space: Space) -> None:
    apply_conference(space, None, seen_at=timezone.now() - timedelta(hours=1))


def becomes_stuck(space: Space) -> None:
    Conference.objects.filter(pk=call_of(space).pk).update(stuck_at=timezone.now() + timedelta(seconds=1))
    state.mark_stuck(timezone.now() + timedelta(seconds=2))


def is_recorded(space: Space) -> None:
    now = timezone.now()
    running = resources.Recording("r", "STARTED", now, None)
    apply_recordings(call_of(space), [running], read_at=now)
    apply_recordings(call_of(space), [running], read_at=now + timedelta(seconds=1))


def is_recorded_no_more(space: Space) -> None:
    is_recorded(space)
    apply_recordings(call_of(space), [], read_at=timezone.now() + timedelta(seconds=2))


def is_hidden_once(space: Space) -> None:
    mark_unavailable(space, NotFound("Gone."), seen_at=timezone.now())


def is_hidden_for_long(space: Space) -> None:
    is_hidden_once(space)
    for minutes in (1, 2):
        mark_unavailable(space, NotFound("Gone."), seen_at=timezone.now() + minutes * CONFIRM_AFTER)


def is_shown_again(space: Space) -> None:
    is_hidden_for_long(space)
    apply_access(space.account, [space.name], seen_at=timezone.now() + 3 * CONFIRM_AFTER)


def account_breaks(space: Space) -> None:
    for _ in range(2):
        space.account.record_failure("access", AccessRefused("Withdrawn."), broken=True)


def account_is_fixed(space: Space) -> None:
    account_breaks(space)
    space.account.record_success("access")


CHANGES: list[tuple[Callable[[Space], None], bool, list[str]]] = [
    (starts, False, [Kind.CALL_STARTED]),
    (starts, True, [Kind.CALL_ENDED, Kind.CALL_STARTED]),
    (goes_on, True, []),
    (ends, True, [Kind.CALL_ENDED]),
    (ends, False, []),
    (ends_before_it_was_known, True, []),
    (becomes_stuck, True, [Kind.CALL_BECAME_STUCK]),
    (is_recorded, True, [Kind.RECORDING_STARTED]),
    (is_recorded_no_more, True, [Kind.RECORDING_STARTED, Kind.RECORDING_ENDED]),
    (is_hidden_once, False, []),
    (is_hidden_for_long, False, [Kind.SPACE_UNAVAILABLE]),
    (is_shown_again, False, [Kind.SPACE_UNAVAILABLE, Kind.SPACE_AVAILABLE]),
    (account_breaks, False, [Kind.ACCOUNT_FAILED]),
    (account_is_fixed, False, [Kind.ACCOUNT_FAILED, Kind.ACCOUNT_RECOVERED]),
]


@pytest.mark.parametrize(("change", "live", "kinds"), CHANGES)
def test_change_writes_its_events(db, change, live, kinds):
    room = factories.make_room()
    space = space_of(room)
    if live:
        factories.make_call(space, guests=2)
    DomainEvent.objects.all().delete()
    change(space)
    written = list(DomainEvent.objects.all())
    assert [event.kind for event in written] == kinds
    for event in written:
        if event.kind.startswith("account"):
            assert (event.account, event.room) == (space.account_id, None)
        else:
            assert (event.room, event.space) == (room.pk, space.pk)
        if event.kind.startswith(("call", "recording")):
            assert event.conference


def test_event_is_undone_with_its_change(db):
    space = space_of(factories.make_room())
    with transaction.atomic():
        starts(space)
        transaction.set_rollback(True)
    assert not DomainEvent.objects.exists()


@pytest.fixture
def consumers(monkeypatch: pytest.MonkeyPatch) -> dict[str, registry.Consumer]:
    """The registered consumers: none."""
    registered: dict[str, registry.Consumer] = {}
    monkeypatch.setattr(registry, "consumers", registered)
    return registered


def write(number: int = 1) -> list[int]:
    """Write events, and return their ids."""
    for index in range(number):
        DomainEvent.record(Kind.CALL_STARTED, conference=index + 1)
    return list(DomainEvent.objects.values_list("pk", flat=True))[-number:]


def test_consumer_gets_new_events_once_and_in_order(db, consumers, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH", 2)
    got: list[list[int]] = []
    consumers["test"] = lambda found: got.append([event.pk for event in found])
    write()
    assert outbox.deliver(actor=SYSTEM) == 0, "what was written before its first delivery is not for it"
    first, second, third = write(3)
    assert outbox.deliver(actor=SYSTEM) == 3
    assert outbox.deliver(actor=SYSTEM) == 0
    assert got == [[first, second], [third]]


def test_consumer_that_fails_gets_the_same_events_again_and_stops_no_other(db, consumers):
    got: list[int] = []
    works = False

    def fragile(found: Sequence[DomainEvent]) -> None:
        factories.make_building("TMP")  # undone with the delivery
        if not works:
            raise RuntimeError

    consumers["fragile"] = fragile
    consumers["test"] = lambda found: got.extend(event.pk for event in found)
    outbox.deliver(actor=SYSTEM)
    written = write()
    assert outbox.deliver(actor=SYSTEM) == 1
    assert got == written
    assert not Building.objects.filter(code="TMP").exists()
    works = True
    assert outbox.deliver(actor=SYSTEM) == 1
    assert set(EventCursor.objects.values_list("consumer", "position")) == {
        ("fragile", written[0]),
        ("test", written[0]),
    }


def test_log_gets_ids(db, caplog):
    caplog.set_level("INFO")
    outbox.deliver(actor=SYSTEM)
    DomainEvent.record(Kind.ACCOUNT_FAILED, account=7)
    outbox.deliver(actor=SYSTEM)
    assert "account_failed room=None space=None conference=None account=7" in caplog.text


def test_people_may_not_deliver(db, admin):
    with pytest.raises(access.NotAllowed):
        outbox.deliver(actor=admin)


def test_purge_deletes_old_events_only(db):
    old, new = write(2)
    DomainEvent.objects.filter(pk=old).update(at=timezone.now() - events.DOMAIN_EVENTS_KEPT)
    assert events.purge(actor=SYSTEM) == 1
    assert [event.pk for event in DomainEvent.objects.all()] == [new]


@pytest.mark.django_db(transaction=True)
def test_events_wait_for_open_transactions_with_lower_ids(consumers):
    """PostgreSQL gives ids before the commit: a consumer that read the higher id first would never get the lower one."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time.")
    got: list[int] = []
    consumers["test"] = lambda found: got.extend(event.pk for event in found)
    outbox.deliver(actor=SYSTEM)
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [7_302_025])
            cursor.execute("SELECT nextval(pg_get_serial_sequence('spaces_domainevent', 'id'))")
        written = write()
        assert outbox.deliver(actor=SYSTEM) == 0
        other.commit()
        assert outbox.deliver(actor=SYSTEM) == 1
    finally:
        other.close()
    assert got == written
