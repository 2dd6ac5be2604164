"""Actions and the quota: sweeps never starve people, a 429 is felt once, and a full round stays within the limits."""

import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from spaces import meet, tasks
from spaces.access import SYSTEM
from spaces.actions import conferences, spaces
from spaces.google.errors import OverQuota
from spaces.google.limits import PROJECT, Limits
from spaces.models import Account, Conference, Person, Room
from spaces.sync import scheduling
from tests import factories
from tests.support.rooms import (
    BERLIN,
    MUNICH,
    asked,
    fault,
    forget_requests,
    is_on,
    known_room,
    space_of,
    start_call,
)
from tests.support.simulator import SimulatorProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def room(google: SimulatorProcess, owner: Person) -> Room:
    """room-owner's room in Berlin, on a space of ours."""
    return known_room(google, owners=(owner,), name="Berlin 3.14")


def use_up(kind="read", account=BERLIN, *, person: bool) -> int:
    """Take as somebody until the bucket gives no more."""
    number = 0
    try:
        while number < 1000:
            meet.quota().take(kind, account, patience=0, person=person)
            number += 1
    except OverQuota:
        pass
    return number


def used(account=BERLIN, kind="read") -> int:
    return sum(one.used for one in meet.quota().used().readings if (one.kind, one.scope) == (kind, account))


def test_what_google_is_asked_is_what_the_meter_shows(google, room, owner):
    record = start_call(google, room)
    before = used(), used(kind="write")
    conferences.end(room=room, conference=record, reason="Stuck", actor=owner)
    counts = asked(google)
    counts.pop("token", None)  # for the permission that only endings need; tokens have no such quota
    writes = counts.pop("spaces.endActiveConference")
    assert (used() - before[0], used(kind="write") - before[1]) == (sum(counts.values()), writes)


def test_a_person_ends_a_call_while_sweeps_have_used_up_what_is_theirs(google, room, owner):
    record = start_call(google, room)
    assert use_up(person=False) > 20
    assert use_up("write", person=False) > 5
    started = timezone.now()
    outcome = conferences.end(room=room, conference=record, reason="Stuck", actor=owner)
    assert outcome.level == "success"
    assert timezone.now() - started < timedelta(seconds=3)
    assert not is_on(google, record)


def test_a_click_over_quota_is_told_how_long_to_wait_and_nothing_is_sent(google, room, owner):
    record = start_call(google, room)
    meet.quota().pause("read", BERLIN, 42)
    with pytest.raises(OverQuota, match="Try again in 42 seconds"):
        conferences.end(room=room, conference=record, reason="Stuck", actor=owner)
    assert asked(google) == {}
    assert is_on(google, record)


def test_one_429_is_enough_for_everybody(google, room, owner):
    fault(google, "spaces.get", status=429, retry_after="50")
    with pytest.raises(OverQuota):
        spaces.refresh(room=room, actor=owner)
    forget_requests(google)
    with pytest.raises(OverQuota, match="seconds"):
        spaces.refresh(room=room, actor=owner)
    account = space_of(room).account
    before = timezone.now()
    assert scheduling.sync(account=account, actor=SYSTEM) is True
    assert asked(google) == {}
    account.refresh_from_db()
    assert timedelta(seconds=45) < account.next_sweep_at - before < timedelta(seconds=55)
    assert "Try again in" in account.problem
    munich = known_room(google, owners=(owner,), account=MUNICH)
    assert spaces.refresh(room=munich, actor=owner).level == "success"


def test_a_sweep_that_runs_out_of_quota_while_counting_knows_all_the_same_what_is_on(google, owner):
    rooms = [known_room(google, owners=(owner,)) for _ in range(3)]
    for one in rooms:
        start_call(google, one, seen=False)
    account = factories.make_account(BERLIN)
    fault(google, "conferenceRecords.participants.list", status=429, retry_after="70")
    before = timezone.now()
    assert scheduling.sync(account=account, actor=SYSTEM) is True
    assert Conference.objects.filter(ended_at=None).count() == 3
    assert asked(google)["conferenceRecords.participants.list"] <= scheduling.IN_FLIGHT
    account.refresh_from_db()
    assert account.problem == ""
    forget_requests(google)
    assert scheduling.sync(account=account, actor=SYSTEM) is True
    assert asked(google) == {}, "the bucket is shut for everybody"
    assert account.swept_at is not None
    assert account.next_sweep_at - before > timedelta(seconds=65)


def test_bulk_work_that_a_person_started_leaves_the_reserve_to_people(google, room, owner, settings):
    """Refreshing a selection runs in a worker, in the person's name. Nobody waits for its answer."""
    settings.QUOTA, settings.QUOTA_RESERVE = (
        Limits(read_account=120),
        0.5,
    )  # half of 12 at once are for people
    cache.clear()

    def requests() -> int:
        use_up(person=False)
        forget_requests(google)
        tasks.refresh_rooms(room_ids=[room.pk], person_id=owner.pk)
        return asked(google).get("spaces.get", 0)

    patience, meet.PATIENCE = meet.PATIENCE, 0.0
    try:
        assert 0 in {requests(), requests()}  # a bucket refills while a slow machine thinks
    finally:
        meet.PATIENCE = patience
    spaces.refresh(room=room, actor=owner)
    assert asked(google)["spaces.get"] >= 1


def test_rounds_of_sweeps_with_clicks_in_between_stay_within_the_limits(google, owner, settings):
    """Machines have used up their share and so wait; people get through at once; Google is never asked more than was granted,
    and what was granted fits into the bucket."""
    rooms = [known_room(google, owners=(owner,), account=one) for one in (BERLIN, MUNICH) for _ in range(4)]
    records = {one.pk: start_call(google, one) for one in rooms}
    settings.QUOTA = Limits(read_account=150)  # 15 at once, then 120 a minute; machines 12 and 96
    cache.clear()  # what the preparations used
    forget_requests(google)
    started = time.monotonic()
    granted = use_up(account=BERLIN, person=False) + use_up(account=MUNICH, person=False)
    for turn in range(2):
        for account in Account.objects.all():
            assert scheduling.sync(account=account, actor=SYSTEM) is True
        for one in (rooms[turn], rooms[-1 - turn]):
            outcome = conferences.end(room=one, conference=records[one.pk], reason="Stuck", actor=owner)
            assert outcome.level == "success"
    elapsed = time.monotonic() - started
    readings = meet.quota().used().readings
    waited = {one.scope: one.waited for one in readings if one.kind == "read"}
    assert waited[BERLIN] > 0
    assert waited[MUNICH] > 0
    requests = google.control("GET", "requests")
    assert "429" not in requests["by_status"]
    sent = sum(number for name, number in asked(google).items() if name != "token")
    assert sum(one.used for one in readings if one.scope == PROJECT) == granted + sent
    bucket = settings.QUOTA.account("read")
    for mailbox in (BERLIN, MUNICH):
        assert 20 < used(mailbox) <= bucket.burst + bucket.rate * elapsed / 60
    assert Account.objects.exclude(problem="").count() == 0
