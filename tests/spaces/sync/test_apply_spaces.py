"""What a space knows of itself: newer over older in any order, calls opened and closed, old codes kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spaces.google import resources
from spaces.google.errors import GoogleError, NotFound, NotPermitted
from spaces.models import Conference, Participant, PastCode, Space
from spaces.models.spaces import Liveness
from spaces.sync.apply.spaces import (
    apply_access,
    apply_conference,
    apply_google_state,
    apply_members,
    mark_unavailable,
)
from tests import factories

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SETTINGS = {"accessType": "TRUSTED", "moderation": "OFF"}
# The database is emptied between the tests; hypothesis runs many examples in one, each on rows of its own.
many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answer(space: Space, **changes: object) -> resources.Space:
    """Google's answer to the owner, with nothing on."""
    told = resources.Space(
        name=space.name,
        meeting_code=space.meeting_code,
        meeting_uri=space.meeting_uri,
        settings=dict(SETTINGS),
    )
    return replace(told, **changes)  # type: ignore[arg-type]


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


@pytest.fixture
def space(db: None) -> Space:
    """Known by name, never asked about."""
    return factories.make_space(
        "abc-mnop-xyz",
        seen_at=None,
        checked_at=None,
        code_confirmed_at=None,
        liveness=Liveness.UNKNOWN,
        settings={},
    )


# --- Newer over older -----------------------------------------------------------------------------


def test_an_answer_is_taken_in_whole(space):
    told = answer(
        space,
        active_record="conferenceRecords/one",
        phone_access=(resources.PhoneAccess("+49 30 1", "123", "DE", "de"),),
        sip_access=(resources.SipAccess("sip:x@example.com", "456"),),
    )
    assert apply_google_state(space, told, seen_at=at(0)) is True
    assert space.settings == SETTINGS
    assert space.owned is True
    assert (space.checked_at, space.code_confirmed_at, space.seen_at) == (at(0), at(0), at(0))
    assert space.liveness == Liveness.ACTIVE
    assert space.conference is not None
    assert space.conference.record == "conferenceRecords/one"
    assert space.phone_access == [{"number": "+49 30 1", "pin": "123", "region": "DE", "language": "de"}]
    assert space.sip_access == [{"uri": "sip:x@example.com", "access_code": "456"}]


def test_an_older_answer_changes_nothing(space):
    apply_google_state(space, answer(space, settings={"accessType": "OPEN"}), seen_at=at(5))
    older = answer(
        space, settings=SETTINGS, meeting_code="old-code-old", active_record="conferenceRecords/old"
    )
    assert apply_google_state(space, older, seen_at=at(4)) is False
    space.refresh_from_db()
    assert space.settings == {"accessType": "OPEN"}
    assert space.meeting_code == "abc-mnop-xyz"
    assert space.liveness == Liveness.IDLE
    assert not Conference.objects.exists()
    assert not PastCode.objects.exists()


sightings = st.lists(
    st.tuples(st.sampled_from(["get", "call"]), st.sampled_from([None, "a", "b", "c"])),
    min_size=1,
    max_size=6,
).flatmap(
    lambda seen: st.tuples(
        st.just(seen), st.permutations(range(len(seen)))
    )  # what was seen, order of arrival
)


@many
@given(sightings)
def test_in_whatever_order_answers_arrive_the_newest_holds(db, case):
    seen, order = case
    space = factories.make_space(seen_at=None, checked_at=None, liveness=Liveness.UNKNOWN)
    for minute in order:
        door, call = seen[minute]
        record = f"conferenceRecords/{space.pk}-{call}" if call else None
        if door == "get":
            apply_google_state(space, answer(space, active_record=record), seen_at=at(minute))
        else:
            apply_conference(space, record, seen_at=at(minute), started_at=at(-60) if record else None)
    space.refresh_from_db()
    newest = seen[-1][1]
    assert space.liveness == (Liveness.ACTIVE if newest else Liveness.IDLE)
    assert (space.conference.record if space.conference else None) == (
        f"conferenceRecords/{space.pk}-{newest}" if newest else None
    )
    assert space.seen_at == at(len(seen) - 1)
    still_open = set(Conference.objects.filter(space=space, ended_at=None).values_list("record", flat=True))
    assert still_open == ({space.conference.record} if space.conference else set())


@many
@given(st.permutations(range(4)))
def test_settings_and_codes_of_the_newest_answer_hold_in_any_order(db, order):
    space = factories.make_space(
        "aaa-aaaa-aaa", seen_at=None, checked_at=None, code_confirmed_at=None, settings={}
    )
    for minute in order:
        told = answer(space, settings={"accessType": f"v{minute}"}, meeting_code=f"code-{minute}")
        apply_google_state(space, told, seen_at=at(minute))
    space.refresh_from_db()
    assert space.settings == {"accessType": "v3"}
    assert space.meeting_code == "code-3"
    assert space.code_confirmed_at == at(3)
    assert "code-3" not in space.past_codes.values_list("code", flat=True)


def test_the_same_answer_twice_is_harmless(space):
    told = answer(space, active_record="conferenceRecords/one", meeting_code="new-code-new")
    apply_google_state(space, told, seen_at=at(1))
    apply_google_state(space, told, seen_at=at(1))
    assert Conference.objects.count() == 1
    assert PastCode.objects.count() == 1


def hide(space: Space, minutes: float, error: type[GoogleError] = NotPermitted) -> bool:
    refusal = error("no access")
    refusal.google_says = "Permission denied."
    return mark_unavailable(space, refusal, seen_at=at(minutes))


def test_one_refusal_marks_nothing(space):
    apply_google_state(space, answer(space, active_record="conferenceRecords/one"), seen_at=at(0))
    assert hide(space, 5) is False
    assert hide(space, 5.1) is False  # in the same breath
    space.refresh_from_db()
    assert (space.trouble, space.liveness, space.seen_at) == ("", Liveness.ACTIVE, at(0))
    assert (space.doubted_since, space.doubted_at) == (at(5), at(5.1))
    assert space.google_says == "Permission denied."


@pytest.mark.parametrize(
    ("error", "trouble"), [(NotPermitted, Space.Trouble.NOT_PERMITTED), (NotFound, Space.Trouble.NOT_FOUND)]
)
def test_a_refusal_that_comes_again_some_time_later_marks_the_space(space, error, trouble):
    apply_google_state(space, answer(space), seen_at=at(0))
    hide(space, 5, error)
    assert hide(space, 7, error) is True
    space.refresh_from_db()
    assert (space.trouble, space.trouble_text, space.liveness) == (trouble, "no access", Liveness.UNKNOWN)
    assert (space.settings, space.seen_at) == (SETTINGS, at(0))
    apply_google_state(space, answer(space), seen_at=at(8))
    assert (space.trouble, space.trouble_text, space.liveness) == ("", "", Liveness.IDLE)
    assert (space.doubted_since, space.doubted_at, space.google_says) == (None, None, "")


def test_an_answer_between_two_refusals_begins_the_doubt_anew(space):
    hide(space, 0)
    apply_google_state(space, answer(space), seen_at=at(1))
    assert hide(space, 3) is False
    assert hide(space, 4) is False
    assert hide(space, 5) is True


def test_a_refusal_older_than_an_answer_is_no_doubt(space):
    apply_google_state(space, answer(space), seen_at=at(5))
    hide(space, 4)
    space.refresh_from_db()
    assert (space.doubted_at, space.liveness) == (None, Liveness.IDLE)


def test_a_refusal_leaves_a_newer_sighting_of_a_call_alone(space):
    hide(space, 0)
    apply_conference(space, "conferenceRecords/one", seen_at=at(3))
    assert hide(space, 2.5) is True
    space.refresh_from_db()
    assert space.liveness == Liveness.ACTIVE


def test_a_listed_call_ends_doubt_and_trouble(space):
    hide(space, 0)
    hide(space, 2)
    freed = apply_access(space.account, [space.name, "spaces/other"], seen_at=at(3))
    assert freed == [space]
    space.refresh_from_db()
    assert (space.trouble, space.doubted_at, space.google_says) == ("", None, "")
    assert apply_access(space.account, [space.name], seen_at=at(4)) == []


def test_a_list_older_than_a_refusal_ends_nothing(space):
    hide(space, 0)
    assert apply_access(space.account, [space.name], seen_at=at(-1)) == []


def test_doubtful_spaces_are_due_again_and_confirmed_ones_less_often(db):
    now = timezone.now()
    fresh, doubted, confirmed, old = (factories.make_space() for _ in range(4))
    for space, minutes, trouble in ((fresh, 1, ""), (doubted, 3, ""), (confirmed, 8, "x"), (old, 11, "x")):
        moment = now - timedelta(minutes=minutes)
        Space.objects.filter(pk=space.pk).update(doubted_since=moment, doubted_at=moment, trouble=trouble)
    assert list(Space.objects.doubtful(now)) == [old, doubted]


# --- Unknown is not idle --------------------------------------------------------------------------


def test_asked_by_a_stranger_nothing_is_unknown_not_idle(space):
    Space.objects.filter(pk=space.pk).update(owned=False)
    apply_google_state(space, answer(space, settings=None), seen_at=at(0))
    assert space.liveness == Liveness.UNKNOWN
    assert space.owned is False
    assert space.seen_at == at(0)


def test_asked_by_a_participant_a_call_is_a_call(space):
    Space.objects.filter(pk=space.pk).update(owned=False)
    apply_google_state(
        space, answer(space, settings=None, active_record="conferenceRecords/one"), seen_at=at(0)
    )
    assert space.liveness == Liveness.ACTIVE
    assert space.owned is False


def test_a_stranger_takes_no_settings_away(space):
    apply_google_state(
        space, answer(space, phone_access=(resources.PhoneAccess("1", "2", "DE", "de"),)), seen_at=at(0)
    )
    apply_google_state(space, answer(space, settings=None), seen_at=at(1))
    assert space.settings == SETTINGS
    assert len(space.phone_access) == 1


# --- Calls ----------------------------------------------------------------------------------------


def test_the_next_call_closes_the_one_before_and_forgets_who_was_in(space):
    apply_conference(space, "conferenceRecords/one", seen_at=at(0), started_at=at(-5))
    first = Conference.objects.get()
    Participant.objects.create(conference=first, name="p/1", kind="person", joined_at=at(-5))
    apply_conference(space, "conferenceRecords/two", seen_at=at(10))
    first.refresh_from_db()
    assert first.ended_at == at(10)
    assert first.started_at == at(-5)
    assert not Participant.objects.exists()
    second = Conference.objects.get(record="conferenceRecords/two")
    assert second.ended_at is None
    apply_conference(space, None, seen_at=at(20))
    second.refresh_from_db()
    assert second.ended_at == at(20)


def test_the_beginning_is_learnt_later_and_never_lost(space):
    apply_conference(space, "conferenceRecords/one", seen_at=at(0))
    assert Conference.objects.get().started_at is None
    apply_conference(space, "conferenceRecords/one", seen_at=at(1), started_at=at(-30))
    assert Conference.objects.get().started_at == at(-30)
    apply_conference(space, "conferenceRecords/one", seen_at=at(2))
    assert Conference.objects.get().started_at == at(-30)


def test_calls_of_other_spaces_are_left_alone(space):
    other = factories.make_space()
    call = factories.make_call(other, devices=1)
    apply_conference(space, None, seen_at=timezone.now())
    call.refresh_from_db()
    assert call.ended_at is None
    assert call.participants.count() == 1


# --- Codes ----------------------------------------------------------------------------------------


def test_a_code_that_changed_is_remembered_with_its_age(space):
    apply_google_state(space, answer(space), seen_at=at(0))
    apply_google_state(space, answer(space, meeting_code="new-code-new"), seen_at=at(10))
    past = PastCode.objects.get()
    assert (past.space, past.code, past.last_confirmed_at) == (space, "abc-mnop-xyz", at(0))
    assert space.meeting_code == "new-code-new"


def test_a_code_that_went_away_is_remembered_and_not_confirmed_again(space):
    apply_google_state(space, answer(space), seen_at=at(0))
    apply_google_state(space, answer(space, meeting_code="", meeting_uri=""), seen_at=at(10))
    assert space.meeting_code == ""
    assert space.code_confirmed_at == at(0)
    assert PastCode.objects.get().code == "abc-mnop-xyz"


# --- What is stuck (the rules themselves: test_stuck) ----------------------------------------------------------------------------------------


# --- Order by need (the rule about states: test_state) ----------------------------------------------


# --- Questions about spaces, members -----------------------------------------------------------------


def test_members_become_what_google_lists(space):
    first = [
        resources.Member("m/1", "Cohost@example.com", "COHOST"),
        resources.Member("m/2", "b@example.com"),
        resources.Member("m/3", ""),
    ]
    apply_members(space, first)
    assert set(space.members.values_list("email", "role")) == {
        ("cohost@example.com", "COHOST"),
        ("b@example.com", ""),
    }
    apply_members(space, [resources.Member("m/2", "b@example.com", "COHOST")])
    assert list(space.members.values_list("email", "role")) == [("b@example.com", "COHOST")]


def test_an_account_stops_being_the_owner_only_when_it_is_said_twice(space):
    told = resources.Space(space.name, space.meeting_code, space.meeting_uri)
    apply_google_state(space, answer(space), seen_at=at(0))
    apply_google_state(space, told, seen_at=at(1))
    assert (space.owned, space.liveness, space.doubted_since) == (True, Liveness.IDLE, at(1))
    apply_google_state(space, told, seen_at=at(3))
    assert (space.owned, space.liveness, space.doubted_since) == (False, Liveness.UNKNOWN, None)


def test_an_owner_who_is_shown_a_space_again_stays_its_owner(space):
    told = resources.Space(space.name, space.meeting_code, space.meeting_uri)
    for minutes in (0, 4):
        apply_google_state(space, answer(space), seen_at=at(minutes))
        apply_google_state(space, told, seen_at=at(minutes + 3))
    assert (space.owned, space.doubted_since) == (True, at(7))
