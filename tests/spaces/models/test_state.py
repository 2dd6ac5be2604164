"""The stored state of rooms: the rule in a table, and every way in which the facts are written."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spaces.models import Account, Building, Conference, Room, Space
from spaces.models.rooms import RoomQuerySet
from spaces.models.spaces import Liveness
from spaces.models.state import BATCH, Facts, State, check_states, mark_stuck, store_states, stored_for
from spaces.sync.apply.spaces import apply_conference
from tests import factories
from tests.support.rooms import space_of

NOW = timezone.now()
SOON, EARLIER = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)

# --- The rule -------------------------------------------------------------------------------------


def test_rule_without_link_is_none():
    stored = stored_for(Facts("Berlin"), NOW)
    assert (stored.state, stored.state_reason, stored.need, stored.rank) == ("none", "", 3, 4)


@pytest.mark.parametrize("owned", [True, False])
@pytest.mark.parametrize("status", Account.Status.values)
@pytest.mark.parametrize("trouble", Space.Trouble.values)
@pytest.mark.parametrize("liveness", Liveness.values)
def test_rule_for_every_combination_of_facts(liveness, trouble, status, owned):
    expected: dict[Any, tuple[str, str]] = {
        (Liveness.ACTIVE, None): ("live", ""),
        (Liveness.ACTIVE, SOON): ("live", ""),
        (Liveness.ACTIVE, NOW): ("stuck", ""),
        (Liveness.ACTIVE, EARLIER): ("stuck", ""),
        (Liveness.IDLE, None): ("idle", ""),
        (Liveness.IDLE, EARLIER): ("idle", ""),
        (Liveness.UNKNOWN, None): ("unknown", "never_checked" if owned else "not_owned"),
        (Liveness.UNKNOWN, EARLIER): ("unknown", "never_checked" if owned else "not_owned"),
    }
    for (known, stuck_at), recorded in product(expected, (None, EARLIER)):
        if known != liveness:
            continue
        facts = Facts("Berlin", 1, trouble, owned, liveness, status, 2, 1, recorded, stuck_at)
        state, reason = expected[known, stuck_at]
        if status == Account.Status.BROKEN:
            state, reason = "unknown", "account_broken"
        elif trouble:
            state, reason = "unknown", trouble
        stored = stored_for(facts, NOW)
        rank = {"stuck": 0 if recorded else 1, "unknown": 2, "live": 3}.get(state, 4)
        assert (stored.state, stored.state_reason) == (state, reason)
        assert (stored.rank, stored.need) == (rank, min(rank, 3))
        assert stored.people_in == (3 if state in {"live", "stuck"} else 0)
        assert stored.stuck_at == (stuck_at if state in {"live", "stuck"} else None)
        assert stored.building_name == "Berlin"


# --- Writers --------------------------------------------------------------------------------------


def stored() -> list[tuple[str, str]]:
    """State and reason of all rooms, by name."""
    assert check_states(timezone.now()) == []
    return list(Room.objects.order_by("name").values_list("state", "state_reason"))


@pytest.fixture
def room(db: None) -> Room:
    """A room with a call that is not stuck."""
    made = factories.make_room("A", stuck_devices=60)
    factories.make_call(space_of(made), devices=1, guests=2)
    return made


CALLS = Conference.objects
WRITES: dict[str, tuple[Callable[[Room], object], tuple[str, str]]] = {
    "broken": (lambda _: Account.objects.update(status="broken"), ("unknown", "account_broken")),
    "hidden": (lambda _: Space.objects.update(trouble="not_found"), ("unknown", "not_found")),
    "not owned": (
        lambda _: Space.objects.update(liveness="unknown", owned=False),
        ("unknown", "not_owned"),
    ),
    "ended": (lambda room: apply_conference(space_of(room), None, seen_at=timezone.now()), ("idle", "")),
    "stuck": (lambda _: CALLS.update(stuck_at=EARLIER), ("stuck", "")),
    "recorded": (lambda _: CALLS.update(recording_since=EARLIER, stuck_at=EARLIER), ("stuck", "")),
    "nobody counted": (lambda _: CALLS.update(people=None, guests=None), ("live", "")),
    "no link": (lambda room: Room.objects.filter(pk=room.pk).update(space=None), ("none", "")),
    "archived": (lambda _: Room.objects.update(archived_at=EARLIER), ("live", "")),
    "renamed": (lambda _: Building.objects.get().save(), ("live", "")),
}


@pytest.mark.parametrize(("write", "expected"), WRITES.values(), ids=list(WRITES))
def test_state_follows_each_write(room, write, expected):
    assert stored() == [("live", "")]
    write(room)
    assert stored() == [expected]


def test_state_follows_saved_rows(room):
    account = Account.objects.get()
    account.status = Account.Status.BROKEN
    account.save()
    assert stored() == [("unknown", "account_broken")]
    account.forget_problems()
    account.save(update_fields=["status"])
    assert stored() == [("live", "")]
    space = space_of(room)
    space.trouble = Space.Trouble.NOT_PERMITTED
    Space.objects.bulk_update([space], ["trouble"])
    assert stored() == [("unknown", "not_permitted")]


def test_stale_room_saved_keeps_stored_state(room):
    stale = Room.objects.get()
    Space.objects.update(liveness="idle", conference=None)
    stale.save()
    assert stored() == [("idle", "")]


def test_building_renamed_moves_its_rooms(room):
    other = factories.make_room("B", building=factories.make_building("MUC"))
    building = Building.objects.get(code="BER")
    building.name = "Zurich"
    building.save(update_fields=["name"])
    assert stored() == [("live", ""), ("idle", "")]
    assert list(RoomQuerySet(Room).by_building()) == [other, room]
    other.building = building
    other.save()
    assert list(RoomQuerySet(Room).by_building()) == [room, other]


def test_rooms_created_in_bulk_have_their_states(room):
    spaces = Space.objects.bulk_create(
        Space(name=f"spaces/{number}", account=Account.objects.get(), liveness="idle") for number in range(3)
    )
    Room.objects.bulk_create(
        Room(slug=f"b{number}", name=f"B{number}", building=room.building, space=space)
        for number, space in enumerate(spaces)
    )
    assert stored() == [("live", ""), ("idle", ""), ("idle", ""), ("idle", "")]


def test_state_is_rolled_back_with_its_fact(room):
    with transaction.atomic():
        Space.objects.update(trouble="not_found")
        transaction.set_rollback(True)
    assert stored() == [("live", "")]


def test_more_rooms_than_a_batch_are_written(db):
    building, account = factories.make_building(), factories.make_account()
    spaces = Space.objects.bulk_create(
        Space(name=f"spaces/{number}", account=account, liveness="idle") for number in range(BATCH + 2)
    )
    Room.objects.bulk_create(
        Room(slug=f"r{number}", name=f"R{number}", building=building, space=space)
        for number, space in enumerate(spaces)
    )
    account.status = Account.Status.BROKEN
    account.save(update_fields=["status"])
    assert RoomQuerySet(Room).unknown().count() == BATCH + 2
    assert check_states(timezone.now()) == []


def test_check_finds_a_wrong_state_and_store_repairs_it(room):
    RoomQuerySet(Room).update(state=State.NONE)
    assert check_states(timezone.now()) == [room.pk]
    assert store_states([room.pk]) == 1
    assert stored() == [("live", "")]
    assert store_states([room.pk]) == 0


# --- Time -----------------------------------------------------------------------------------------


def test_mark_stuck_before_the_moment_does_nothing(room):
    assert mark_stuck(timezone.now()) == 0
    assert stored() == [("live", "")]


def test_mark_stuck_after_the_moment_writes_once(room, django_assert_num_queries):
    at = Conference.objects.get().stuck_at
    assert at is not None
    assert check_states(at) == [room.pk]
    assert mark_stuck(at) == 1
    assert check_states(at) == []
    assert list(RoomQuerySet(Room).stuck()) == [room]
    with django_assert_num_queries(1):
        assert mark_stuck(at) == 0


# --- Any order of writes --------------------------------------------------------------------------

STEPS: tuple[Callable[[Space], object], ...] = (
    lambda space: apply_conference(space, "conferenceRecords/x", seen_at=timezone.now()),
    lambda space: apply_conference(space, None, seen_at=timezone.now()),
    lambda space: Space.objects.filter(pk=space.pk).update(trouble="not_found"),
    lambda space: Space.objects.filter(pk=space.pk).update(trouble="", owned=False),
    lambda space: Space.objects.filter(pk=space.pk).update(liveness="unknown"),
    lambda space: Account.objects.filter(pk=space.account_id).update(status="broken"),
    lambda space: Account.objects.filter(pk=space.account_id).update(status="ok"),
    lambda space: Conference.objects.filter(space=space).update(stuck_at=EARLIER),
    lambda space: Conference.objects.filter(space=space).update(people=4, recording_since=EARLIER),
    lambda space: Room.objects.filter(space=space).update(space=None),
    lambda space: Room.objects.filter(slug="only").update(space=space),
    lambda space: mark_stuck(timezone.now()),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), max_size=8))
def test_state_is_right_after_any_writes(db, steps):
    with transaction.atomic():
        space = factories.make_space()
        factories.make_room(slug="only", space=space)
        for step in steps:
            step(space)
            assert check_states(timezone.now()) == []
        transaction.set_rollback(True)
