"""Looking after accounts, against the simulator, with everything that can go wrong."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from spaces import broker, live, meet
from spaces.access import SYSTEM, NotAllowed
from spaces.actions import spaces
from spaces.google.errors import ScopeMissing
from spaces.google.limits import Limits
from spaces.google.meet import MeetClient
from spaces.models import Account, Conference, Participant, Person, Room, Space, Subscription
from spaces.models.spaces import CONFIRM_AFTER, Liveness
from spaces.sync import account_sync, requests, scheduling
from spaces.sync.apply.spaces import apply_conference
from tests import factories
from tests.support.rooms import (
    BERLIN,
    MUNICH,
    asked,
    fault,
    forget_requests,
    known_room,
    space_of,
    start_call,
)
from tests.support.simulator import SimulatorProcess

LIST = "conferenceRecords.list"
PARTICIPANTS = "conferenceRecords.participants.list"


@pytest.fixture
def room(google: SimulatorProcess, owner: Person) -> Room:
    """room-owner's room in Berlin, on a space of ours; its account has a second one, so that a list is the cheaper way."""
    known_room(google, name="Berlin 3.15")
    return known_room(google, owners=(owner,), name="Berlin 3.14")


# --- What is on ---------------------------------------------------------------------------------------


def sweep(account: Account) -> bool:
    return scheduling.sync(account=account, actor=SYSTEM)


def due_at_once(account: Account) -> Account:
    Account.objects.filter(pk=account.pk).update(next_sweep_at=timezone.now(), lease_until=timezone.now())
    account.refresh_from_db()
    return account


def test_a_sweep_finds_what_runs_and_what_does_not(google, room):
    busy = known_room(google, name="Busy")
    over = known_room(google, name="Over")
    gone = start_call(google, over)
    google.control("POST", f"{gone.replace('conferenceRecords', 'conferences')}/end")
    record = start_call(google, busy, seen=False)
    before = timezone.now()
    assert sweep(space_of(room).account) is True
    found = space_of(busy)
    assert found.liveness == Liveness.ACTIVE
    assert found.conference is not None
    assert found.conference.record == record
    assert found.conference.started_at is not None
    assert found.conference.started_at < before - timedelta(minutes=19)
    for quiet in (room, over):
        assert (space_of(quiet).liveness, space_of(quiet).conference) == (Liveness.IDLE, None)
        seen_at = space_of(quiet).seen_at
        assert seen_at is not None
        assert before <= seen_at <= timezone.now()
    assert Conference.objects.get(record=gone).ended_at is not None
    account = space_of(room).account
    assert account.swept_at is not None
    assert account.swept_at >= before
    # One list for all, one count for the one call: what a sweep costs grows with calls, not with rooms.
    counts = asked(google)
    assert {name: counts[name] for name in counts if name != "token"} == {
        "conferenceRecords.list": 1,
        "conferenceRecords.participants.list": 1,
        "conferenceRecords.recordings.list": 1,  # seen for the first time
    }


def test_a_call_in_a_link_that_the_room_has_no_more_is_followed_to_its_end(google, admin):
    """The only room of its account, so that links are read one by one."""
    room = known_room(google, name="Berlin 3.14")
    record = start_call(google, room)
    former = space_of(room)
    spaces.create(room=room, account=former.account, wanted={}, reason="", actor=admin)
    google.control("POST", f"{record.replace('conferenceRecords', 'conferences')}/end")
    sweep(former.account)
    assert "read by itself" in Account.objects.get().plan
    former.refresh_from_db()
    assert (former.liveness, former.conference) == (Liveness.IDLE, None)
    assert Conference.objects.get(record=record).ended_at is not None


def test_a_list_taken_in_late_leaves_a_call_alone_that_was_found_meanwhile(google, room, monkeypatch):
    """An event's answer comes between the two looks that taking in a list has at its quiet links."""
    space = space_of(room)
    Space.objects.filter(pk=space.pk).update(liveness=Liveness.UNKNOWN)

    class Between:
        """Lets a call be found there right before the links are called idle."""

        def __init__(self) -> None:
            self.call: Conference | None = None

        def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
            if self.call is None and sql.startswith("UPDATE") and "liveness" in sql:
                self.call = Conference.objects.create(record="conferenceRecords/new", space=space)
                Space.objects.filter(pk=space.pk).update(liveness=Liveness.ACTIVE, conference=self.call)
            return execute(sql, *rest)

    with connection.execute_wrapper(Between()):
        requests.running_calls(space.account, events_since=None).apply([], timezone.now())
    assert space_of(room).liveness == Liveness.ACTIVE


def test_a_sweep_counts_by_kind_and_knows_devices_by_their_names(google, room):
    Room.objects.filter(pk=room.pk).update(device_name="berlin 1.01 DEVICE")
    start_call(
        google,
        room,
        {"device": "Berlin 1.01"},
        {"email": "participant@example.com"},
        {"email": "engineer-01@example.com"},
        {"phone": "+49 30 ***-**00"},
        {"guest": "Visitor"},
        seen=False,
    )
    sweep(space_of(room).account)
    call = space_of(room).conference
    assert call is not None
    assert (call.people, call.devices, call.phones, call.guests) == (2, 1, 1, 1)
    assert call.peak == 5
    kinds = dict(Participant.objects.values_list("display_name", "kind"))
    assert kinds["Berlin 1.01 device"] == "device"
    assert kinds["Participant"] == "person"
    by_id = Participant.objects.get(display_name="Participant")
    world_id = next(
        one["id"] for one in google.world()["people"] if one["email"] == "participant@example.com"
    )
    assert by_id.google_id == world_id


def test_an_unknown_device_counts_as_a_person(google, room):
    """Google shows a device as a signed-in user; only its name tells. Better a person too many than one too few."""
    start_call(google, room, {"device": "Berlin 1.01"}, seen=False)
    sweep(space_of(room).account)
    call = space_of(room).conference
    assert call is not None
    assert (call.people, call.devices) == (1, 0)


def test_the_last_coming_or_going_is_remembered(google, room):
    record = start_call(google, room, {"guest": "A"}, {"guest": "B"}, ago=7200, seen=False)
    google.advance(3600)
    google.control("POST", f"{record.replace('conferenceRecords', 'conferences')}/leave", {"guest": "B"})
    google.advance(1800)
    sweep(space_of(room).account)
    call = space_of(room).conference
    assert call is not None
    assert call.same_since is not None
    age = timezone.now() - call.same_since
    assert timedelta(minutes=29) < age < timedelta(minutes=31)


def test_only_one_sweep_at_a_time(google, room):
    account = space_of(room).account
    now = timezone.now()
    assert account.claim(now=now, until=now + timedelta(minutes=1))
    assert sweep(account) is False
    assert asked(google) == {}


def test_a_killed_sweep_frees_its_account_after_the_lease(google, room):
    account = space_of(room).account
    Account.objects.filter(pk=account.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sweep(account) is True


def test_what_passes_by_itself_is_stored_in_words(google, room):
    account = space_of(room).account
    fault(google, "conferenceRecords.list", status=503)
    assert sweep(account) is True
    account.refresh_from_db()
    assert "not available" in account.problem
    assert account.status == Account.Status.OK
    assert account.swept_at is None
    assert sweep(due_at_once(account)) is True
    account.refresh_from_db()
    assert (account.problem, account.problem_since) == ("", None)
    assert account.swept_at is not None


def test_quota_pauses_the_account_for_as_long_as_google_says(google, room):
    account = space_of(room).account
    fault(google, "conferenceRecords.list", status=429, retry_after="90")
    before = timezone.now()
    sweep(account)
    account.refresh_from_db()
    pause = account.next_sweep_at - before
    assert timedelta(seconds=89) < pause < timedelta(seconds=100)
    assert account not in Account.objects.due(timezone.now())


def test_one_broken_account_does_not_trouble_the_other(google, room, settings):
    settings.ROOM_MAILBOXES = [MUNICH]
    munich = known_room(google, account=MUNICH)
    start_call(google, munich, seen=False)
    broken = factories.make_account("rooms-ham@example.com")
    factories.make_space(account=broken)
    assert sweep(broken) is True
    assert sweep(space_of(munich).account) is True
    broken.refresh_from_db()
    assert broken.status == Account.Status.BROKEN
    assert "MEETADMIN_ROOM_MAILBOXES" in broken.problem
    assert broken.circuit(timezone.now()) == Account.Circuit.OPEN
    assert space_of(munich).liveness == Liveness.ACTIVE


def test_one_call_that_google_hides_does_not_stop_the_others_from_being_counted(google, room):
    other = known_room(google, name="Other")
    start_call(google, room, seen=False)
    start_call(google, other, seen=False)
    fault(google, "conferenceRecords.participants.list", status=403)
    sweep(space_of(room).account)
    counted = [space_of(one).conference.counted for one in (room, other)]  # type: ignore[union-attr]
    assert sorted(counted) == [False, True]
    assert space_of(room).account.swept_at is not None


def test_an_older_sweep_overwrites_nothing_newer(google, room):
    later = timezone.now() + timedelta(seconds=30)
    record = start_call(google, room, seen=False)
    apply_conference(space_of(room), None, seen_at=later)
    sweep(space_of(room).account)
    space = space_of(room)
    assert (space.liveness, space.conference, space.seen_at) == (Liveness.IDLE, None, later)
    assert not Conference.objects.filter(record=record, ended_at=None).exists()


def test_people_do_not_sweep(google, room, admin):
    with pytest.raises(NotAllowed):
        scheduling.sync(account=space_of(room).account, actor=admin)
    assert asked(google) == {}


def test_spaces_of_other_accounts_are_not_touched(google, room):
    munich = known_room(google, account=MUNICH)
    long_ago = timezone.now() - timedelta(hours=1)
    Space.objects.filter(room=munich).update(seen_at=long_ago)
    sweep(Account.objects.get(email=BERLIN))
    assert space_of(munich).seen_at == long_ago


def test_a_space_we_do_not_own_is_never_called_idle_by_a_sweep(google, room):
    theirs = factories.make_space(owned=False, liveness=Liveness.UNKNOWN, account=space_of(room).account)
    sweep(space_of(room).account)
    theirs.refresh_from_db()
    assert theirs.liveness == Liveness.UNKNOWN


def test_what_nobody_can_mend_by_waiting_is_tried_more_and_more_seldom(google, room):
    broken = factories.make_account("rooms-ham@example.com")  # not in the list of mailboxes
    factories.make_space(account=broken)
    pauses = []
    for failures in range(1, 9):
        sweep(broken)
        broken.refresh_from_db()
        assert (broken.fail_count, broken.open_until) == (failures, broken.next_sweep_at)
        assert broken not in Account.objects.due(timezone.now())
        pauses.append((broken.next_sweep_at - timezone.now()).total_seconds())
    assert pauses[0] < 21
    assert sorted(pauses[:6]) == pauses[:6]
    assert 600 < pauses[-1] <= 900
    assert broken.circuit(broken.next_sweep_at) == Account.Circuit.PROBING


def test_what_passes_is_tried_again_within_two_turns_and_one_success_closes_the_circuit(
    google, room, settings
):
    account = space_of(room).account
    fault(google, "*", status=503, times=12)
    for _ in range(12):
        sweep(account)
        account.refresh_from_db()
        # and what a tick and the look itself take on top
        assert account.next_sweep_at < timezone.now() + timedelta(seconds=1.85 * settings.SWEEP_EVERY)
    assert account.fail_count == 12
    assert account.failed_at is not None
    assert account.swept_at is None
    sweep(account)
    account.refresh_from_db()
    assert (account.fail_count, account.open_until, account.problem) == (0, None, "")
    assert account.circuit(timezone.now()) == Account.Circuit.CLOSED


def test_too_much_for_the_quota_is_nothing_wrong_with_the_account(google, room):
    account = space_of(room).account
    fault(google, LIST, status=429)
    sweep(account)
    account.refresh_from_db()
    assert (account.fail_count, account.circuit(timezone.now())) == (0, Account.Circuit.CLOSED)


def test_an_account_says_how_it_is_looked_at_and_why(google, room):
    account = space_of(room).account
    start_call(google, room, seen=False)
    sweep(account)
    account.refresh_from_db()
    assert account.live_calls == 1
    assert account.plan == (
        "One list of running calls tells of all 2 links; one by one would cost 2 readings. Every 10 s: calls are on."
    )


def test_a_surprise_in_one_account_is_noted_and_is_not_the_others_trouble(google, room):
    """It comes first in every round, and yet the other account is looked at, and itself gets its next turn."""
    odd = factories.make_account(MUNICH, next_sweep_at=timezone.now() - timedelta(hours=1))
    factories.make_space(account=odd, name="no name that can be asked for")
    assert scheduling.run(actor=SYSTEM) == 2
    odd.refresh_from_db()
    assert "unexpected" in odd.problem
    assert (odd.swept_at, odd.fail_count) == (None, 1)
    assert odd.next_sweep_at > timezone.now()
    assert odd.lease_until < timezone.now()
    assert Account.objects.get(email=BERLIN).swept_at is not None


# --- One by one -------------------------------------------------------------------------------------------


@pytest.fixture
def lonely(google: SimulatorProcess, db: None) -> Room:
    """The only room of the mailbox in Munich."""
    return known_room(google, account=MUNICH, name="Munich 1.01")


def test_the_only_link_of_an_account_is_read_by_itself(google, lonely):
    record = start_call(google, lonely, seen=False)
    Space.objects.filter(room=lonely).update(settings={})
    sweep(space_of(lonely).account)
    space = space_of(lonely)
    assert space.conference is not None
    assert space.conference.record == record
    assert space.conference.started_at is not None
    assert (space.conference.people, space.settings["accessType"]) == (1, "TRUSTED")
    counts = asked(google)
    assert (counts["spaces.get"], LIST in counts, "spaces.members.list" in counts) == (1, False, False)
    assert space.account.plan.startswith("Its link is read by itself")
    forget_requests(google)
    Space.objects.filter(room=lonely).update(checked_at=timezone.now() - timedelta(days=1))
    sweep(space.account)
    counts = asked(google)
    assert (counts["spaces.get"], counts["spaces.members.list"], counts.get("conferenceRecords.get")) == (
        1,
        1,
        None,
    )


def test_a_link_that_google_does_not_show_for_minutes_is_the_links_trouble_only(google, lonely):
    fault(google, "spaces.get", status=404, times=2)
    sweep(space_of(lonely).account)
    assert (space_of(lonely).trouble, space_of(lonely).liveness) == (Space.Trouble.NONE, Liveness.IDLE)
    Space.objects.update(doubted_since=timezone.now() - CONFIRM_AFTER)
    sweep(space_of(lonely).account)
    space = space_of(lonely)
    assert (space.trouble, space.liveness) == (Space.Trouble.NOT_FOUND, Liveness.UNKNOWN)
    assert (space.account.problem, space.account.fail_count) == ("", 0)
    sweep(space.account)
    assert (space_of(lonely).trouble, space_of(lonely).liveness) == (Space.Trouble.NONE, Liveness.IDLE)


def test_a_permission_that_is_missing_is_the_accounts_trouble_and_not_the_links(google, lonely, monkeypatch):
    """Both are answered 403; the link would be said to be hidden, and nobody would mend the account."""

    def refuse(*_: object) -> None:
        raise ScopeMissing("This account was connected without a permission.")

    monkeypatch.setattr(MeetClient, "get_space", refuse)
    sweep(space_of(lonely).account)
    space = space_of(lonely)
    assert space.trouble == Space.Trouble.NONE
    assert space.account.status == Account.Status.BROKEN
    assert "without a permission" in space.account.problem


def test_a_record_that_google_hides_is_no_trouble_of_the_link(google, lonely):
    record = start_call(google, lonely, seen=False)
    fault(google, "conferenceRecords.get", status=403)
    sweep(space_of(lonely).account)
    space = space_of(lonely)
    assert (space.trouble, space.liveness) == (Space.Trouble.NONE, Liveness.ACTIVE)
    assert space.conference is not None
    assert (space.conference.record, space.conference.started_at) == (record, None)


# --- Who is in --------------------------------------------------------------------------------------------


def the_call(room: Room) -> Any:
    call = space_of(room).conference
    assert call is not None
    return call


def come(google: SimulatorProcess, record: str, **who: str) -> None:
    google.control("POST", f"{record.replace('conferenceRecords', 'conferences')}/join", who)


def test_names_are_read_again_only_when_the_number_has_changed(google, room):
    record = start_call(google, room, {"guest": "A"}, seen=False)
    account = space_of(room).account
    sweep(account)
    first = the_call(room)
    sweep(account)
    second = the_call(room)
    assert (second.listed_at, second.guests) == (first.listed_at, 1)
    assert second.counted_at > first.counted_at
    come(google, record, guest="B")
    forget_requests(google)
    sweep(account)
    third = the_call(room)
    assert third.listed_at > first.listed_at
    assert (third.guests, third.peak, third.all_guests) == (2, 2, 2)
    assert asked(google)[PARTICIPANTS] == 2


@pytest.mark.parametrize(
    "old",
    [
        {"listed_at": timedelta(minutes=11)},  # one may have come as another went
        {"listed_at": timedelta(minutes=2), "stuck_at": timedelta(seconds=-3)},  # is it really so still?
    ],
)
def test_names_are_read_again_when_they_are_old_and_before_a_call_is_called_stuck(google, room, old):
    record = start_call(google, room, {"guest": "A"}, seen=False)
    account = space_of(room).account
    sweep(account)
    come(google, record, guest="B")
    google.control("POST", f"{record.replace('conferenceRecords', 'conferences')}/leave", {"guest": "A"})
    sweep(account)
    assert {one.display_name for one in the_call(room).participants.all()} == {"A"}
    now = timezone.now()
    Conference.objects.filter(record=record).update(**{name: now - ago for name, ago in old.items()})
    sweep(account)
    assert {one.display_name for one in the_call(room).participants.all()} == {"B"}


def test_a_visit_counts_as_many_as_its_share_allows_and_goes_on_there_the_next_time(google, room, settings):
    rooms = [known_room(google, name=f"Room {number}") for number in range(5)]
    for one in rooms:
        start_call(google, one, seen=False)
    settings.SWEEP_EVERY, settings.POLL_SHARE = (
        10,
        0.006,
    )  # 36 readings a minute: 3 lists... and 4 heads a look
    account = space_of(room).account
    for counted in (4, 5):
        sweep(account)
        assert Conference.objects.exclude(counted_at=None).count() == counted
    account.refresh_from_db()
    assert "4 of 5 calls are counted each time" in account.plan


def test_a_call_whose_host_has_left_tells_since_when(google, room, owner):
    world = {one["email"]: one["id"] for one in google.world()["people"]}
    Person.objects.filter(pk=owner.pk).update(google_id=world[owner.email])
    record = start_call(
        google, room, {"email": owner.email}, {"guest": "A"}, {"guest": "B"}, ago=7200, seen=False
    )
    sweep(space_of(room).account)
    assert the_call(room).host_left_at is None
    google.control(
        "POST", f"{record.replace('conferenceRecords', 'conferences')}/leave", {"email": owner.email}
    )
    google.advance(11_000)
    sweep(space_of(room).account)
    call = the_call(room)
    assert call.host_left_at is not None
    [reason] = space_of(room).verdict(call.host_left_at + timedelta(minutes=190)).reasons
    assert reason == "host left 3 h ago, others still in"


# --- What can wait ----------------------------------------------------------------------------------------


def test_a_call_that_came_and_went_unseen_is_caught_and_settled(google, room):
    record = start_call(google, room, {"guest": "A"}, {"device": "Berlin 1.01"}, ago=600, seen=False)
    google.control("POST", f"{record.replace('conferenceRecords', 'conferences')}/leave", {"guest": "A"})
    google.control("POST", f"{record.replace('conferenceRecords', 'conferences')}/end")
    ended = timezone.now()
    account = space_of(room).account
    Account.objects.filter(pk=account.pk).update(harvested_to=ended - timedelta(minutes=30))
    sweep(due_at_once(account))
    call = Conference.objects.get(record=record)
    assert call.ended_at is not None
    assert call.started_at is not None
    assert abs(call.ended_at - ended) < timedelta(seconds=5)
    assert timedelta(seconds=595) < call.ended_at - call.started_at < timedelta(seconds=605)
    assert (call.settled_at, call.all_guests) == (None, None)
    account.refresh_from_db()
    assert account.harvested_to is not None
    assert account.harvested_to > ended
    Conference.objects.filter(pk=call.pk).update(ended_at=ended - timedelta(minutes=2))  # rather than wait
    sweep(account)
    call.refresh_from_db()
    assert (call.all_guests, call.all_people, call.peak) == (1, 1, 2)
    assert call.settled_at is not None
    left = dict(call.participations.values_list("display_name", "left_at"))
    assert left["A"] is not None


def test_where_google_does_not_compare_the_end_the_beginning_is_asked_for(google, room):
    record = start_call(google, room, seen=False)
    google.control("POST", f"{record.replace('conferenceRecords', 'conferences')}/end")
    account = space_of(room).account
    Account.objects.filter(pk=account.pk).update(harvested_to=timezone.now() - timedelta(minutes=30))
    fault(google, LIST, kind="slow", delay_ms=1)  # the list of running calls passes
    fault(google, LIST, status=400)
    sweep(due_at_once(account))
    assert Conference.objects.get(record=record).ended_at is not None
    assert asked(google)[LIST] == 3


def test_a_call_seen_ending_gets_its_true_end(google, room):
    record = start_call(google, room)
    google.control("POST", f"{record.replace('conferenceRecords', 'conferences')}/end")
    ended = timezone.now()
    account = space_of(room).account
    apply_conference(space_of(room), None, seen_at=ended + timedelta(seconds=40))
    Account.objects.filter(pk=account.pk).update(harvested_to=ended - timedelta(minutes=30))
    sweep(due_at_once(account))
    call = Conference.objects.get(record=record)
    assert call.ended_at is not None
    assert abs(call.ended_at - ended) < timedelta(seconds=5)


@pytest.mark.parametrize(("quota", "lists", "hours"), [(6000, 3, 5), (800, 2, 3.8)])
def test_a_long_time_away_is_caught_up_with_as_fast_as_its_share_allows(
    google, room, settings, quota, lists, hours
):
    settings.QUOTA = Limits(read_project=quota)  # 800: two readings in a look for what can wait
    account = space_of(room).account
    long_ago = timezone.now() - timedelta(hours=5)
    Account.objects.filter(pk=account.pk).update(harvested_to=long_ago)
    sweep(due_at_once(account))
    account.refresh_from_db()
    assert account.harvested_to is not None
    assert abs(account.harvested_to - long_ago - timedelta(hours=hours)) < timedelta(minutes=5)
    assert asked(google)[LIST] == 1 + lists


def test_of_a_call_google_has_forgotten_nothing_is_asked_twice(google, room):
    call = Conference.objects.create(
        record="conferenceRecords/forgotten",
        space=space_of(room),
        started_at=timezone.now() - timedelta(hours=2),
        ended_at=timezone.now() - timedelta(hours=1),
    )
    sweep(space_of(room).account)
    assert asked(google)[PARTICIPANTS] == 1
    call.refresh_from_db()
    assert (call.settled_at is not None, call.all_people) == (True, None)
    forget_requests(google)
    sweep(space_of(room).account)
    assert PARTICIPANTS not in asked(google)


def test_settings_are_read_again_the_oldest_first_and_only_what_is_old(google, room, settings):
    older, retired, _ = (known_room(google, name=name) for name in ("Older", "Retired", "Fresh"))
    ages = {room: 2, older: 3, retired: 4}
    for one, hours in ages.items():
        Space.objects.filter(room=one).update(
            checked_at=timezone.now() - timedelta(hours=hours), settings={"accessType": "OPEN"}
        )
    Space.objects.filter(room=retired).update(retired_at=timezone.now())
    settings.QUOTA = Limits(
        read_project=800
    )  # 8 readings a minute for what can wait: 2 in each look, one link
    sweep(space_of(room).account)
    read = [space_of(one).settings["accessType"] for one in (room, older, retired)]
    assert read == ["OPEN", "TRUSTED", "OPEN"]
    assert asked(google)["spaces.get"] == 1


def test_a_link_hidden_while_its_settings_are_read_does_not_stop_the_others(google, room):
    Space.objects.update(checked_at=None, settings={})
    third = known_room(google, name="Third", account=BERLIN)
    Space.objects.filter(room=third).update(checked_at=None)
    fault(google, "spaces.get", status=403)
    for _ in range(3):
        sweep(space_of(room).account)
    [hidden] = Space.objects.filter(checked_at=None)
    assert (hidden.trouble, hidden.doubted_at is None) == ("", False)


# --- Events -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "ago", "missed"),
    [
        (300, 120, True),
        (300, 20, False),
        (60, 120, False),
        (None, 120, False),
    ],  # told late, may still be told, began before anything was promised, nobody promised
)
def test_a_call_no_event_has_told_of_is_noted(google, room, since, ago, missed):
    start_call(google, room, ago=ago, seen=False)
    account = space_of(room).account
    events_since = None if since is None else timezone.now() - timedelta(seconds=since)
    request = requests.running_calls(account, events_since=events_since)
    for _ in range(2):  # the second time it is no news
        now = timezone.now()
        with meet.client(account, lane=meet.Lane.BACKGROUND) as client:
            request.apply(client.running_conferences(), now)
        account.refresh_from_db()
        assert (account.push_missed_at is not None) is missed
    assert account.push_missed_at != now


def test_events_that_become_unreliable_bring_the_next_look_at_once(google, room, settings):
    settings.PUSH, now = object(), timezone.now()
    account = space_of(room).account
    Account.objects.filter(pk=account.pk).update(push_heard_at=now)
    listening = Subscription.objects.create(
        account=account,
        name="subscriptions/one",
        state=Subscription.State.ACTIVE,
        created_at=now - timedelta(hours=1),
        expires_at=now + timedelta(days=3),
    )
    assert scheduling.run(actor=SYSTEM) == 1
    account.refresh_from_db()
    assert account.counts_on_push is True
    assert timedelta(seconds=110) < account.next_sweep_at - now < timedelta(seconds=130)
    assert "tells of changes by itself" in account.plan
    assert scheduling.run(actor=SYSTEM) == 0
    listening.apply_lifecycle_event("suspended", "", now=timezone.now())
    assert scheduling.run(actor=SYSTEM) == 1
    account = Account.objects.get(pk=account.pk)
    assert account.counts_on_push is False
    assert account.next_sweep_at - timezone.now() < timedelta(seconds=16)


# --- All whose turn it is -----------------------------------------------------------------------------------


def test_a_round_takes_each_whose_turn_it_is_and_leaves_the_others(google, room, lonely):
    resting = factories.make_account(
        "rooms-ham@example.com", next_sweep_at=timezone.now() + timedelta(minutes=1)
    )
    factories.make_space(account=resting)
    factories.make_account("without-links@example.com")
    assert scheduling.run(actor=SYSTEM) == 2
    assert scheduling.run(actor=SYSTEM) == 0
    assert set(Account.objects.exclude(swept_at=None).values_list("email", flat=True)) == {BERLIN, MUNICH}


def test_one_round_at_a_time(google, room):
    other = broker.lock("sweeps:round", seconds=10)
    assert other.acquire()
    assert scheduling.run(actor=SYSTEM) == 0
    assert asked(google) == {}
    other.release()
    assert scheduling.run(actor=SYSTEM) == 1
    assert other.acquire(), "A round that is over leaves the next one to others."


def test_a_round_that_stood_still_leaves_the_next_one_alone(google, room, lonely, settings, monkeypatch):
    """Its lease ended and another round began: it brings to an end what is on its way, and takes nothing away from the other."""
    settings.GOOGLE_TIMEOUT, settings.SWEEP_EVERY = 2, 1
    fault(google, "*", kind="timeout", delay_ms=4000, account=BERLIN, times=0)
    monkeypatch.setattr(scheduling, "PROLONG", 0.0)
    other = broker.lock("sweeps:round", seconds=60)
    take_up = scheduling.SyncRun.take_up

    def stand_still(this: scheduling.SyncRun) -> None:
        take_up(this)
        broker.link().delete(other.name)
        assert other.acquire()

    monkeypatch.setattr(scheduling.SyncRun, "take_up", stand_still)
    assert scheduling.run(actor=SYSTEM) == 2
    assert not broker.lock("sweeps:round", seconds=1).acquire(), "it is still the other's"


def test_however_many_accounts_fail_the_others_have_their_turn(db):
    """A whole domain that times out must not take all threads."""
    taken: list[str] = []

    class Noted(scheduling.SyncRun):
        def _go_on(self, visit: account_sync.AccountSync) -> None:
            taken.append(visit.account.email)  # and its answer never comes

    earlier = timezone.now() - timedelta(minutes=1)
    for number in range(40):
        bad = factories.make_account(f"bad-{number}@example.com", fail_count=2, next_sweep_at=earlier)
        factories.make_space(account=bad)
    for number in range(3):
        factories.make_space(account=factories.make_account(f"good-{number}@example.com"))
    with ThreadPoolExecutor(1) as threads:
        this = Noted(threads)
        for _ in range(3):
            this._taken_up -= scheduling.TAKE_UP
            this.take_up()
    assert sum(email.startswith("good") for email in taken) == 3
    assert sum(email.startswith("bad") for email in taken) == scheduling.FOR_FAILING


def test_a_round_ends_early_when_somebody_waits_for_a_process(google, room, lonely, settings):
    """With a single worker process, or while all others are busy, nothing that people want waits for a whole round."""
    settings.GOOGLE_TIMEOUT, settings.SWEEP_EVERY = 2, 1
    fault(google, "*", kind="timeout", delay_ms=4000, account=BERLIN, times=0)
    broker.link().lpush(broker.ORDERS, "a click")
    try:
        assert scheduling.run(actor=SYSTEM) == 2, "Each whose turn it is has it, and none a second time."
    finally:
        broker.link().delete(broker.ORDERS)


def test_mark_stuck_tells_open_pages_once(google, room, django_capture_on_commit_callbacks):
    def told() -> bool:
        before = live.version()
        with django_capture_on_commit_callbacks(execute=True):
            scheduling.mark_stuck(actor=SYSTEM)
        return live.version() != before

    start_call(google, room)
    stuck_at = timezone.now() + timedelta(minutes=1)
    Conference.objects.update(stuck_at=stuck_at)
    assert not told()
    with time_machine.travel(stuck_at, tick=False):
        assert told()
        assert Room.objects.get(pk=room.pk).state == "stuck"
        assert not told(), "Once is enough."
    Conference.objects.update(stuck_at=stuck_at)
    Space.objects.update(liveness=Liveness.IDLE, conference=None)
    with time_machine.travel(stuck_at, tick=False):
        assert not told(), "It is over."


def test_a_round_goes_on_without_redis(google, room, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=1"
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/valkey.sock?db=1"}
    }
    assert scheduling.run(actor=SYSTEM) == 1


def test_an_account_that_never_answers_delays_nobody(google, room, lonely, settings):
    """While one waits for its timeout, the other has its turn again and again within the same round."""
    settings.GOOGLE_TIMEOUT, settings.SWEEP_EVERY = 2, 1
    fault(google, "*", kind="timeout", delay_ms=4000, account=BERLIN, times=0)
    start_call(google, lonely, seen=False)
    assert scheduling.run(actor=SYSTEM) >= 3
    slow, quick = Account.objects.get(email=BERLIN), Account.objects.get(email=MUNICH)
    assert (slow.swept_at, slow.fail_count) == (None, 1)
    assert "in time" in slow.problem
    assert space_of(lonely).liveness == Liveness.ACTIVE
    seen_at = space_of(lonely).seen_at
    assert seen_at is not None
    assert timezone.now() - seen_at < timedelta(seconds=2)
    assert quick.problem == ""


def test_people_do_not_run_rounds(db, admin):
    with pytest.raises(NotAllowed):
        scheduling.run(actor=admin)
