"""Nothing is demoted, deleted or declared over on one bad answer: every refusal that the simulator knows, through every kind of request."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from simulator.presets import PRESETS
from spaces import meet
from spaces.access import SYSTEM
from spaces.actions import accounts, conferences, readings, spaces, sweeps
from spaces.audit import Refused
from spaces.google.errors import GoogleError, NotFound, NotPermitted, OutcomeUnknown
from spaces.models import Account, AuditEntry, Conference, Member, Person, Room, Space
from spaces.models.spaces import CONFIRM_AFTER, Liveness
from tests import factories
from tests.support.rooms import (
    BERLIN,
    MUNICH,
    asked,
    fault,
    forget_requests,
    is_on,
    known_room,
    only_entry,
    settings_at_google,
    space_at_google,
    space_of,
    start_call,
)
from tests.support.simulator import SimulatorProcess

END = "spaces.endActiveConference"
GET = "spaces.get"
LIST = "conferenceRecords.list"
PEOPLE = "conferenceRecords.participants.list"
MEMBERS = "spaces.members.list"
THREE = ({"email": "engineer-01@example.com"}, {"email": "engineer-02@example.com"}, {"guest": "Visitor"})
PASSING = [
    pytest.param({"status": 403}, id="403"),
    pytest.param({"status": 404}, id="404"),
    *(pytest.param({"preset": name}, id=name) for name in ("denied-space", "denied-meeting-space")),
]


@pytest.fixture
def room(google: SimulatorProcess, owner: Person) -> Room:
    """room-owner's room in Berlin, on a space of ours; its account has a second one, so that a list is the cheaper way."""
    known_room(google, name="Berlin 3.15")
    return known_room(google, owners=(owner,), name="Berlin 3.14")


def end(room: Room, record: str, actor: Person, **more: Any) -> Any:
    return conferences.end(
        room=Room.objects.get(pk=room.pk), conference=record, reason="Stuck", actor=actor, **more
    )


def sweep(room: Room) -> None:
    account = space_of(room).account
    Account.objects.filter(pk=account.pk).update(lease_until=timezone.now())
    assert sweeps.sweep(account=account, actor=SYSTEM) is True


def age_doubt(room: Room, by: timedelta = CONFIRM_AFTER) -> None:
    """Let the doubt about a room's space be older, as if time had passed."""
    space = space_of(room)
    assert space.doubted_since
    assert space.doubted_at
    Space.objects.filter(pk=space.pk).update(
        doubted_since=space.doubted_since - by, doubted_at=space.doubted_at - by
    )


def unchanged(room: Room, google: SimulatorProcess, record: str) -> None:
    """The room is as before: ours, live, endable, with its members; and so is the call."""
    space = space_of(room)
    assert (space.origin, space.owned, space.trouble) == (Space.Origin.OURS, True, "")
    assert space.can_be_ended
    assert space.liveness == Liveness.ACTIVE
    assert is_on(google, record)
    assert Conference.objects.get(record=record).ended_at is None


# --- Every refusal -------------------------------------------------------------------------------------


ONE_OF_EACH = [
    *("denied-space", "denied-caller", "not-found", "html-404", "target-denied", "empty-403", "json-error-text"),
    *("scope-insufficient", "service-disabled", "consumer-suspended", "user-blocked", "account-state-invalid"),
    *("policy-403", "precondition-failed", "no-active-conference", "aborted", "invalid-argument", "token-expired"),
    *("rate-limit-user", "daily-limit", "internal", "unavailable", "html-403-filter", "captive-portal"),
]


def refusals(google: SimulatorProcess, method: str, names: Iterable[str] = ONE_OF_EACH) -> Iterator[str]:
    """Order these refusals of this method, one after the other. One that says the token is old is lasting: the client gets a new one
    and asks again."""
    for name in names:
        fault(google, method, preset=name, times=0 if PRESETS[name].refusal.status == 401 else 1)
        yield name
        google.control("DELETE", "faults")
        cache.clear()  # a pause of the quota is another test's business


def test_no_refusal_of_an_ending_is_taken_for_its_success_or_demotes_the_space(google, room, owner):
    record = start_call(google, room, *THREE)
    for name in refusals(google, END, PRESETS):
        forget_requests(google)
        with pytest.raises(GoogleError) as trouble:
            end(room, record, owner)
        entry = AuditEntry.objects.first()
        assert entry is not None
        assert entry.outcome in {AuditEntry.Outcome.FAILED, AuditEntry.Outcome.UNKNOWN}, name
        assert entry.google_says == trouble.value.google_says, name
        assert asked(google)[END] == 1 or PRESETS[name].refusal.status == 401, name
        unchanged(room, google, record)
    assert Conference.objects.get(record=record).ended_by == ""
    outcome = end(room, record, owner)
    assert (outcome.level, is_on(google, record)) == ("success", False)


@pytest.mark.parametrize("method", [GET, MEMBERS, PEOPLE, "conferenceRecords.get"])
def test_no_refusal_of_a_refresh_hides_a_live_room_or_deletes_its_members(google, room, owner, method):
    record = start_call(google, room, *THREE)
    Member.objects.create(space=space_of(room), email="participant@example.com", role="COHOST")
    for name in refusals(google, method):
        with suppress(GoogleError):
            spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
        unchanged(room, google, record)
        known = set(space_of(room).members.values_list("email", flat=True))
        # Google lists nobody; only an answer that is one deletes what is stored.
        assert known == {"participant@example.com"} or method != MEMBERS, name


@pytest.mark.parametrize("method", [GET, LIST, MEMBERS, PEOPLE, "conferenceRecords.get"])
def test_no_refusal_of_a_look_at_the_account_hides_a_live_room(google, room, owner, method):
    record = start_call(google, room, *THREE)
    Conference.objects.update(listed_at=None)
    for name in refusals(google, method):
        Space.objects.update(checked_at=timezone.now() - timedelta(days=1))
        sweep(room)
        unchanged(room, google, record)
        account = space_of(room).account
        if method != LIST:
            assert account.status == Account.Status.OK or PRESETS[name].refusal.status == 401, name
