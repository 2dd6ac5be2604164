"""Nothing is demoted, deleted or declared over on one bad answer: every refusal that the simulator knows, through every kind of request."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from simulator.presets import PRESETS
from spaces import meet
from spaces.access import SYSTEM
from spaces.actions import accounts, conferences, spaces
from spaces.audit import ActionRejected
from spaces.google import resources
from spaces.google.errors import (
    AccessRefused,
    GoogleError,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    OverQuota,
    ScopeMissing,
)
from spaces.google.meet import MeetClient
from spaces.message import Message
from spaces.models import Account, AuditEntry, Conference, Member, Person, Room, Space
from spaces.models.spaces import CONFIRM_AFTER, Liveness
from spaces.sync import readings, scheduling
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
    space_at_google,
    space_of,
    start_call,
)
from tests.support.simulator import SimulatorProcess

pytestmark = pytest.mark.slow

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
    assert scheduling.sync(account=account, actor=SYSTEM) is True


def age_doubt(room: Room, by: timedelta = CONFIRM_AFTER) -> None:
    """Let the doubt about a room's space be older, as if time had passed."""
    space = space_of(room)
    assert space.doubted_since
    assert space.doubted_at
    Space.objects.filter(pk=space.pk).update(
        doubted_since=space.doubted_since - by, doubted_at=space.doubted_at - by
    )


@contextmanager
def fails_after_the_first(google: SimulatorProcess, method: str) -> Iterator[None]:
    """Google answers one request of this method, and is away from then on."""
    fault(google, method, kind="slow", delay_ms=0, times=1)
    fault(google, method, status=503, times=0)
    yield
    google.control("DELETE", "faults")


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
    *(
        "denied-space",
        "denied-caller",
        "not-found",
        "html-404",
        "target-denied",
        "empty-403",
        "json-error-text",
    ),
    *(
        "scope-insufficient",
        "service-disabled",
        "consumer-suspended",
        "user-blocked",
        "account-state-invalid",
    ),
    *(
        "policy-403",
        "precondition-failed",
        "no-active-conference",
        "aborted",
        "invalid-argument",
        "token-expired",
    ),
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
        if method not in {LIST, GET}:  # one of them tells what is on
            assert account.status == Account.Status.OK or PRESETS[name].refusal.status == 401, name


# --- a space of ours stays ours ----------------------------------------------------------------------


@pytest.mark.parametrize("order", PASSING)
@pytest.mark.parametrize("made", ["created here", "adopted"])
def test_end_refused_once_leaves_a_space_of_ours_endable(google, room, owner, order, made):
    Space.objects.filter(room=room).update(created_here=made == "created here")
    record = start_call(google, room, *THREE)
    fault(google, END, **order)
    with pytest.raises(GoogleError) as trouble:
        end(room, record, owner)
    said = Message("call.still_running", {"why": Message("call.refused")})
    assert trouble.value.sentence == said
    entry = only_entry()
    assert (entry.outcome, entry.detail) == ("failed", said)
    assert entry.google_says
    unchanged(room, google, record)
    assert end(room, record, owner).level == "success"


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_refusals_of_end_and_readings_together_demote_nothing(google, room, owner, times):
    """The readings that follow are refused, too, and the first probes."""
    record = start_call(google, room, *THREE)
    fault(google, END, status=403)
    fault(google, GET, kind="slow", delay_ms=0, times=1)
    fault(google, GET, status=403, times=times)
    with pytest.raises(GoogleError):
        end(room, record, owner)
    assert space_of(room).origin == Space.Origin.OURS
    assert space_of(room).trouble == ""


def test_space_that_we_created_is_never_foreign(google, room, owner):
    """As after a move to another Cloud project: every ending is refused, and the person reads why."""
    record = start_call(google, room, *THREE)
    Space.objects.filter(room=room).update(created_here=True)
    fault(google, END, preset="denied-meeting-space", times=0)
    for _ in range(3):
        with pytest.raises(NotPermitted):
            end(room, record, owner)
    assert space_of(room).origin == Space.Origin.OURS
    assert asked(google)[GET] == 3 * 2  # before and after, no probe


def test_space_that_counts_as_ours_becomes_foreign_by_a_clear_test(google, owner):
    moved = known_room(google, owners=(owner,), project="another-app", origin=Space.Origin.OURS)
    record = start_call(google, moved, *THREE)
    with pytest.raises(ActionRejected, match=r"call\.made_elsewhere"):
        end(moved, record, owner)
    assert space_of(moved).origin == Space.Origin.FOREIGN
    assert only_entry().google_says.startswith("Permission denied")


def test_refresh_cures_a_space_that_was_wrongly_marked_foreign(google, room, owner):
    Space.objects.filter(room=room).update(origin=Space.Origin.FOREIGN)
    spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    assert space_of(room).origin == Space.Origin.OURS


def test_refresh_leaves_a_foreign_space_foreign(google, owner):
    foreign = known_room(google, owners=(owner,), project="another-app", origin=Space.Origin.FOREIGN)
    spaces.refresh(room=foreign, actor=owner)
    assert space_of(foreign).origin == Space.Origin.FOREIGN


def test_refused_probe_while_adopting_leaves_the_origin_untested(google, admin):
    made = space_at_google(google)
    bare = factories.make_room(with_space=False)
    factories.make_account(BERLIN)
    account = Account.objects.get(email=BERLIN)
    ours = readings.find_origin(account, made["name"], lane=meet.Lane.INTERACTIVE)
    assert ours == Space.Origin.OURS
    fault(google, GET, status=403, times=1)
    again = readings.find_origin(account, made["name"], lane=meet.Lane.INTERACTIVE)
    assert again == Space.Origin.OURS
    fault(google, GET, status=503, times=1)
    away = readings.find_origin(account, made["name"], lane=meet.Lane.INTERACTIVE)
    assert away == Space.Origin.UNTESTED
    spaces.adopt(room=bare, text=made["meetingCode"], account=None, reason="", actor=admin)
    assert space_of(bare).origin == Space.Origin.OURS


def test_adopting_again_takes_nothing_from_a_space_of_ours_while_google_fails(google, room, admin):
    """Munich sees it as a stranger, while Berlin, its owner, is refused."""
    space = space_of(room)
    Space.objects.filter(pk=space.pk).update(created_here=True)
    munich = factories.make_account(MUNICH)
    for account in (munich, None):
        fault(google, GET, status=403, times=0, account=BERLIN)
        spaces.adopt(room=room, text=space.name, account=account, reason="", actor=admin)
        google.control("DELETE", "faults")
        after = space_of(room)
        assert (after.account.email, after.owned) == (BERLIN, True)
        assert (after.origin, after.created_here) == (Space.Origin.OURS, True)


def test_owner_that_could_not_be_asked_is_not_passed_over_when_adopting(google, admin):
    made = space_at_google(google)
    bare = factories.make_room(with_space=False)
    for address in (BERLIN, MUNICH):
        factories.make_account(address)
    fault(google, GET, status=503, account=BERLIN)
    with pytest.raises(GoogleError, match="not available"):
        spaces.adopt(room=bare, text=made["name"], account=None, reason="", actor=admin)
    fault(google, GET, status=403, account=BERLIN)
    spaces.adopt(room=bare, text=made["name"], account=None, reason="", actor=admin)
    assert (space_of(bare).account.email, space_of(bare).owned) == (BERLIN, True)


# --- refused is not over -----------------------------------------------------------------------------

REFUSALS_OF_END = [
    *("precondition-failed", "precondition-failed-old", "precondition-412", "policy-400-precondition"),
    *("invalid-argument", "already-exists", "duplicate-old", "aborted", "no-active-conference", "html-400"),
]


@pytest.mark.parametrize("preset", REFUSALS_OF_END)
def test_refused_end_of_a_call_that_ended_meanwhile_says_so(google, room, owner, preset):
    record = start_call(google, room, *THREE)
    fault(google, END, preset=preset, after=True)  # it ends, and Google answers as if nothing were done
    assert end(room, record, owner).level == "info"
    entry = only_entry()
    assert (entry.outcome, entry.after) == (AuditEntry.Outcome.ALREADY, {"conference": None})
    assert not is_on(google, record)
    assert space_of(room).liveness == Liveness.IDLE
    assert Conference.objects.get(record=record).ended_by == ""


@pytest.mark.parametrize("preset", REFUSALS_OF_END)
def test_refused_end_that_cannot_be_checked_is_unknown(google, room, owner, preset):
    record = start_call(google, room, *THREE)
    fault(google, END, preset=preset)
    with fails_after_the_first(google, GET), pytest.raises(OutcomeUnknown):
        end(room, record, owner)
    entry = only_entry()
    assert entry.outcome == AuditEntry.Outcome.UNKNOWN
    assert entry.google_says or preset == "html-400"
    assert Conference.objects.get(record=record).ended_at is None


def test_refused_end_of_a_running_call_fails_in_googles_words(google, room, owner):
    record = start_call(google, room, *THREE)
    fault(google, END, preset="precondition-failed")
    with pytest.raises(GoogleError) as trouble:
        end(room, record, owner)
    assert trouble.value.sentence.code == "call.still_running"
    assert "Precondition check failed" in trouble.value.sentence.params["why"]
    assert (only_entry().outcome, only_entry().google_says) == ("failed", "Precondition check failed.")
    unchanged(room, google, record)


def test_space_shown_as_to_a_stranger_is_not_taken_for_an_ended_call(google, room, owner, monkeypatch):
    """Google withholds the settings and the call: that says nothing about the call."""
    record = start_call(google, room, *THREE)
    read = MeetClient.get_space

    def withheld(client: MeetClient, name: str) -> resources.Space:
        return replace(read(client, name), settings=None, active_record=None)

    monkeypatch.setattr(MeetClient, "get_space", withheld)
    with pytest.raises(ActionRejected, match=r"call\.state_unknown"):
        end(room, record, owner)
    assert END not in asked(google)
    monkeypatch.undo()
    unchanged(room, google, record)


# --- refusals of account, project and organisation ---------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "code"),
    [
        ("consumer-suspended", "project_suspended"),
        ("billing-disabled", "billing_disabled"),
        ("security-policy-violated", "security_policy"),
        ("service-disabled", "api_disabled"),
        ("user-blocked", "app_blocked"),
    ],
)
def test_refusal_of_the_project_is_the_accounts_problem_in_googles_words(google, room, owner, preset, code):
    record = start_call(google, room, *THREE)
    fault(google, GET, preset=preset)
    with pytest.raises(AccessRefused) as trouble:
        spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    unchanged(room, google, record)
    assert trouble.value.code == code
    account = space_of(room).account
    assert (account.status, account.problem) == (Account.Status.OK, trouble.value.sentence)
    assert trouble.value.cure in account.problem
    assert account.google_says == trouble.value.google_says != ""
    assert (space_of(room).doubted_at, space_of(room).google_says) == (None, "")


@pytest.mark.parametrize("method", [GET, LIST, PEOPLE, END])
def test_page_of_a_web_filter_harms_nothing(google, room, owner, method):
    record = start_call(google, room, *THREE)
    fault(google, method, preset="html-403-filter", times=0)
    with suppress(GoogleError):
        spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    with suppress(GoogleError):
        end(room, record, owner) if method == END else None
    sweep(room)
    unchanged(room, google, record)
    assert space_of(room).doubted_at is None
    assert space_of(room).account.status == Account.Status.OK


@pytest.mark.parametrize("preset", ["daily-limit", "quota-exceeded"])
def test_used_up_quota_is_nobodys_problem_and_pauses(google, room, owner, preset):
    record = start_call(google, room, *THREE)
    fault(google, GET, preset=preset)
    with pytest.raises(OverQuota):
        spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    assert space_of(room).account.problem == ""
    forget_requests(google)
    with pytest.raises(OverQuota):
        spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    assert asked(google) == {}
    unchanged(room, google, record)


def test_missing_permission_for_changes_leaves_the_accounts_rooms_visible(google, room, owner):
    record = start_call(google, room, *THREE)
    fault(google, END, preset="scope-insufficient")
    with pytest.raises(ScopeMissing):
        end(room, record, owner)
    assert space_of(room).account.status == Account.Status.OK
    assert "permission" in space_of(room).account.problem
    assert Room.objects.get(pk=room.pk).state == "live"


# --- since when ----------------------------------------------------------------------------------------------


def test_list_refused_for_minutes_keeps_its_beginning_while_other_requests_work(google, room, owner):
    fault(google, LIST, preset="security-policy-violated", times=0)
    sweep(room)
    account = space_of(room).account
    began = account.problem_since
    assert began is not None
    for _ in range(3):
        spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
        record = start_call(google, room, seen=True)
        end(room, record, owner)
        sweep(room)
        account.refresh_from_db()
        assert account.problem_since == began
        assert account.fail_count > 1
        assert account.failed_at > began  # type: ignore[operator]
    google.control("DELETE", "faults")
    sweep(room)
    account.refresh_from_db()
    assert (account.problem, account.problem_since, account.fail_count) == ("", None, 0)


def test_test_of_an_account_by_an_admin_starts_anew(google, room, admin):
    account = space_of(room).account
    account.record_failure("change", AccessRefused("Changes are refused."), broken=False)
    accounts.test(account=account, actor=admin)
    account.refresh_from_db()
    assert (account.problem, account.failing) == ("", {})


# --- one refused refresh -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", PASSING)
def test_refresh_refused_once_is_asked_again_at_once(google, room, owner, order):
    record = start_call(google, room, *THREE)
    fault(google, GET, **order)
    assert spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner).level == "success"
    unchanged(room, google, record)
    assert space_of(room).doubted_at is None


@pytest.mark.parametrize("order", PASSING)
def test_refresh_refused_twice_in_a_row_marks_nothing_and_the_next_answer_cures(google, room, owner, order):
    record = start_call(google, room, *THREE)
    fault(google, GET, times=4, **order)
    for _ in range(2):
        with pytest.raises((NotFound, NotPermitted)):
            spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
        unchanged(room, google, record)
        assert space_of(room).doubted_at is not None
        assert Room.objects.get(pk=room.pk).state == "live"
    spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    assert (space_of(room).doubted_since, space_of(room).google_says) == (None, "")


@pytest.mark.parametrize(("status", "trouble"), [(404, "not_found"), (403, "not_permitted")])
def test_space_refused_for_minutes_is_a_fact_on_the_room(google, room, owner, status, trouble):
    fault(google, GET, status=status, times=0)
    for _ in range(2):
        with pytest.raises((NotFound, NotPermitted)):
            spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
        if not space_of(room).trouble:
            age_doubt(room)
    assert space_of(room).trouble == trouble
    assert space_of(room).trouble_text
    assert space_of(room).google_says
    assert Room.objects.get(pk=room.pk).state == "unknown"
    google.control("DELETE", "faults")
    spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    assert space_of(room).trouble == ""


def test_list_that_shows_the_call_proves_access_and_the_link_is_read_at_once(google, room, owner):
    record = start_call(google, room, *THREE)
    Space.objects.filter(room=room).update(trouble="not_permitted", liveness=Liveness.UNKNOWN)
    Space.objects.filter(room=room).update(doubted_since=timezone.now(), doubted_at=timezone.now())
    forget_requests(google)
    sweep(room)
    assert asked(google)[GET] == 1
    unchanged(room, google, record)
    assert space_of(room).doubted_at is None


def test_list_that_shows_the_call_of_a_space_not_owned_leads_to_reading_it(google, room, owner):
    known_room(google, name="Berlin 3.16")
    record = start_call(google, room, *THREE)
    Space.objects.filter(room=room).update(owned=False, liveness=Liveness.UNKNOWN)
    sweep(room)
    unchanged(room, google, record)


def test_list_outweighs_readings_that_are_refused_for_long(google, room, owner):
    record = start_call(google, room, *THREE)
    fault(google, GET, status=403, times=0)
    for _ in range(3):
        with pytest.raises(NotPermitted):
            spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
        age_doubt(room, timedelta(minutes=5))
        sweep(room)
        unchanged(room, google, record)


def test_doubt_is_looked_into_by_the_next_sweep(google, room, owner):
    fault(google, GET, status=404, times=2)
    with pytest.raises(NotFound):
        spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    forget_requests(google)
    sweep(room)
    assert GET not in asked(google)  # too soon
    age_doubt(room)
    sweep(room)
    assert asked(google)[GET] == 1
    assert space_of(room).doubted_at is None


def test_only_link_of_an_account_refused_in_one_look_stays_as_it_is(google, owner):
    lonely = known_room(google, account=MUNICH, owners=(owner,), name="Munich 1.01")
    record = start_call(google, lonely, *THREE)
    fault(google, GET, status=404)
    sweep(lonely)
    unchanged(lonely, google, record)
    sweep(lonely)
    assert space_of(lonely).doubted_at is None


# --- members ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["scope-insufficient", "not-found", "denied-member", "denied-space"])
def test_refused_members_are_neither_deleted_nor_trouble_of_the_space(google, room, owner, preset):
    Member.objects.create(space=space_of(room), email="participant@example.com", role="COHOST")
    fault(google, MEMBERS, preset=preset)
    with suppress(GoogleError):
        spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    fault(google, MEMBERS, preset=preset)
    Space.objects.filter(room=room).update(checked_at=None)
    sweep(room)
    assert space_of(room).members.count() == 1
    assert (space_of(room).trouble, space_of(room).doubted_at) == ("", None)
    spaces.refresh(room=Room.objects.get(pk=room.pk), actor=owner)
    assert space_of(room).members.count() == 0  # a list is an answer


def test_members_of_a_space_proven_foreign_are_deleted(google, owner):
    foreign = known_room(google, owners=(owner,), project="another-app", origin=Space.Origin.FOREIGN)
    Member.objects.create(space=space_of(foreign), email="participant@example.com")
    spaces.refresh(room=foreign, actor=owner)
    assert not Member.objects.exists()


# --- Two at once ----------------------------------------------------------------------------------------------------


def test_ending_whose_answer_is_lost_after_another_one_claims_nothing(google, room, owner, admin):
    """The owner's ending works; the admin's, sent while Google still shows the call, gets no answer."""
    google.control("POST", "behaviour", {"linger_seconds": 2})
    record = start_call(google, room, *THREE)
    assert end(room, record, owner).level == "success"
    fault(google, END, status=500)
    with suppress(OutcomeUnknown):
        end(room, record, admin)
    first, second = AuditEntry.objects.order_by("pk")
    assert (first.outcome, second.outcome == AuditEntry.Outcome.DONE) == ("done", False)
    assert Conference.objects.get(record=record).ended_by == "room-owner@example.com"
