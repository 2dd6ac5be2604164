"""Ending calls, sweeping accounts, revealing names: against the simulator, with everything that can go wrong."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import serializers
from django.utils import timezone

from spaces import access
from spaces.access import SYSTEM, NotAllowed, Permission
from spaces.actions import accounts, conferences, spaces
from spaces.audit import ActionRejected
from spaces.google.errors import ConnectionBroken, GoogleError, OutcomeUnknown, TryLater
from spaces.message import Message
from spaces.models import (
    Account,
    AuditEntry,
    Conference,
    Participant,
    Participation,
    Person,
    Room,
    Space,
    pieces,
)
from spaces.models.spaces import Liveness
from spaces.tasks import settle_ending
from tests import factories
from tests.support.rooms import (
    BERLIN,
    asked,
    fault,
    forget_requests,
    is_on,
    known_room,
    only_entry,
    settings_at_google,
    space_of,
    start_call,
)
from tests.support.signin import consent
from tests.support.simulator import SimulatorProcess

END = "spaces.endActiveConference"
GET = "spaces.get"


@pytest.fixture
def room(google: SimulatorProcess, owner: Person) -> Room:
    """room-owner's room in Berlin, on a space of ours."""
    return known_room(google, owners=(owner,), name="Berlin 3.14")


def end(room: Room, record: str, actor: Person, **more: Any) -> Any:
    return conferences.end(room=room, conference=record, reason="Stuck", actor=actor, **more)


# --- Ending: as it should be -----------------------------------------------------------------------


def test_ending_ends_the_call_once_and_is_written_down(google, room, owner):
    record = start_call(google, room, {"device": "Berlin 1.01"})
    outcome = end(room, record, owner)
    assert outcome.message == Message(
        "call.ended", {"room": "Berlin 3.14", "then": Message("call.rejoin_trusted")}
    )
    assert outcome.level == "success"
    assert not is_on(google, record)
    assert asked(google)[END] == 1
    entry = only_entry()
    assert (entry.action, entry.outcome) == ("conference:end", AuditEntry.Outcome.DONE)
    assert (entry.actor, entry.actor_name) == (owner, "room-owner@example.com")
    assert (entry.target, entry.space_name) == ("Berlin 3.14 (Berlin)", space_of(room).name)
    assert entry.reason == "Stuck"
    assert entry.before == {"conference": record, "settings": space_of(room).settings}
    assert entry.after == {"conference": None}
    assert entry.finished_at is not None
    call = Conference.objects.get(record=record)
    assert call.ended_at is not None
    assert call.ended_by == "room-owner@example.com"
    assert not Participant.objects.exists()
    space = space_of(room)
    assert (space.liveness, space.conference, space.origin) == (Liveness.IDLE, None, Space.Origin.OURS)


def test_the_link_and_the_settings_stay(google, room, owner):
    record = start_call(google, room)
    before = space_of(room)
    held = settings_at_google(google, before.name)
    end(room, record, owner)
    after = space_of(room)
    assert (after.meeting_code, after.settings) == (before.meeting_code, before.settings)
    assert settings_at_google(google, before.name) == held
    assert "spaces.patch" not in asked(google)


def test_settings_that_google_changed_by_the_way_are_put_back(google, room, owner):
    record = start_call(google, room)
    held = settings_at_google(google, space_of(room).name)
    google.control("POST", "behaviour", {"tighten_after_end": True})
    outcome = end(room, record, owner)
    assert settings_at_google(google, space_of(room).name) == held
    assert (outcome.code, outcome.params["then"].code) == ("call.ended", "call.settings_restored")
    repair, ending = AuditEntry.objects.order_by("-pk")
    assert (ending.action, ending.outcome) == ("conference:end", "done")
    assert (repair.action, repair.actor_name, repair.outcome) == ("settings:restore", "Meetadmin", "done")
    assert (repair.before, repair.after) == ({"accessType": "RESTRICTED"}, {"accessType": "TRUSTED"})
    assert repair.detail == Message("call.restored_after_end", {"person": "room-owner@example.com"})
    assert asked(google)[END] == 1


def test_a_failing_repair_never_says_that_the_ending_failed(google, room, owner):
    record = start_call(google, room)
    google.control("POST", "behaviour", {"tighten_after_end": True})
    fault(google, "spaces.patch", status=503)
    outcome = end(room, record, owner)
    assert (outcome.code, outcome.level) == ("call.ended_unchecked", "warning")
    assert AuditEntry.objects.get(action="conference:end").outcome == "done"
    assert AuditEntry.objects.get(action="settings:restore").outcome == "failed"
    settle_ending(room_id=room.pk)
    assert settings_at_google(google, space_of(room).name)["accessType"] == "TRUSTED"


def test_a_call_that_google_still_shows_for_a_moment_is_not_called_over(google, room, owner):
    google.control("POST", "behaviour", {"linger_seconds": 30})
    record = start_call(google, room)
    outcome = end(room, record, owner)
    assert outcome.code == "call.ending"
    assert only_entry().outcome == "done"


def test_settings_that_google_changes_some_seconds_later_are_put_back_by_the_second_look(google, room, owner):
    record = start_call(google, room)
    held = settings_at_google(google, space_of(room).name)
    end(room, record, owner)
    google.call(
        "PATCH",
        f"/v2/{space_of(room).name}?updateMask=config.accessType",
        {"config": {"accessType": "RESTRICTED"}},
        token=google.token(BERLIN),
    )
    settle_ending(room_id=room.pk)
    settle_ending(room_id=room.pk)
    assert settings_at_google(google, space_of(room).name) == held
    repair = AuditEntry.objects.get(action="settings:restore")
    assert (repair.actor_name, repair.outcome) == ("Meetadmin", "done")


def test_setting_that_changes_again_after_it_was_restored_is_left_alone(google, room, owner):
    """Somebody in Google's own pages means it."""
    record = start_call(google, room)
    end(room, record, owner)
    for expected in ("TRUSTED", "RESTRICTED"):
        google.call(
            "PATCH",
            f"/v2/{space_of(room).name}?updateMask=config.accessType",
            {"config": {"accessType": "RESTRICTED"}},
            token=google.token(BERLIN),
        )
        settle_ending(room_id=room.pk)
        assert settings_at_google(google, space_of(room).name)["accessType"] == expected
    assert AuditEntry.objects.filter(action="settings:restore").count() == 1


def test_value_that_google_invented_is_not_restored(google, room, owner):
    record = start_call(google, room)
    end(room, record, owner)
    entry = AuditEntry.objects.get()
    invented = space_of(room).settings | {"accessType": "ORGANIZATION_AND_GUESTS"}
    entry.before = {"conference": record, "settings": invented}
    AuditEntry.objects.update(before=entry.before)
    settle_ending(room_id=room.pk)
    assert "spaces.patch" not in asked(google)


def test_ending_needs_no_further_permission_for_what_follows(google, room, owner, monkeypatch):
    only_end = {Permission.ROOM_SEE, Permission.CONFERENCE_END}
    weak = replace(access.ROLES["owner"], grants=frozenset(only_end))
    monkeypatch.setitem(access.ROLES, "owner", weak)
    google.control("POST", "behaviour", {"tighten_after_end": True})
    record = start_call(google, room)
    assert end(room, record, owner).level == "success"
    assert settings_at_google(google, space_of(room).name)["accessType"] == "TRUSTED"


def test_checking_an_ending_is_for_those_who_may_restore_settings(google, room, owner):
    record = start_call(google, room)
    end(room, record, owner)
    ending = AuditEntry.objects.get()
    weak = access.System("Weak", access.SYSTEM.grants - {Permission.SETTINGS_RESTORE})
    for actor in (owner, weak):
        with pytest.raises(NotAllowed):
            conferences.check_ending(entry=ending, actor=actor)


def test_earlier_ending_is_not_looked_after_once_there_is_a_later_one(google, room, owner):
    for _ in range(2):
        end(room, start_call(google, room), owner)
    later, earlier = AuditEntry.objects.all()
    assert conferences.check_ending(entry=earlier, actor=SYSTEM) is None
    assert conferences.check_ending(entry=later, actor=SYSTEM) is not None


@pytest.mark.parametrize(
    ("access_type", "code"),
    [
        ("OPEN", "call.rejoin_open"),
        ("TRUSTED", "call.rejoin_trusted"),
        ("RESTRICTED", "call.rejoin_restricted"),
        ("", "call.rejoin_unknown"),
    ],
)
def test_check_end_tells_who_can_rejoin(owner, access_type, code):
    space = factories.make_space(settings={"accessType": access_type})
    change = conferences.check_end(room=factories.make_room(space=space, owners=(owner,)), actor=owner)
    assert isinstance(change, conferences.EndChange)
    assert change.rejoin == Message(code)


@pytest.mark.parametrize(("state", "people"), [("live", 3), ("stuck", 1)])
def test_check_end_counts_phones_unless_the_call_is_stuck(owner, state, people):
    space = factories.make_space()
    factories.make_call(space, people=(owner,), phones=2)
    room = factories.make_room(space=space, owners=(owner,))
    room.state = state
    change = conferences.check_end(room=room, actor=owner)
    assert isinstance(change, conferences.EndChange)
    assert (change.people, change.call) == (people, space.conference)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"origin": Space.Origin.FOREIGN}, "call.made_elsewhere"),
        ({"owned": False}, "call.not_owned"),
        (None, "call.no_link"),
    ],
)
def test_check_end_rejects_what_google_would_refuse(owner, fields, code):
    space = None if fields is None else factories.make_space(**fields)
    room = factories.make_room(space=space, with_space=space is not None, owners=(owner,))
    assert conferences.check_end(room=room, actor=owner) == Message(code)


def test_check_end_is_for_those_who_may_end(room, helpdesk):
    with pytest.raises(NotAllowed):
        conferences.check_end(room=room, actor=helpdesk)


def test_an_ending_of_long_ago_is_not_settled_again(google, room, owner):
    record = start_call(google, room)
    end(room, record, owner)
    AuditEntry.objects.update(at=timezone.now() - timedelta(hours=1))
    google.call(
        "PATCH",
        f"/v2/{space_of(room).name}?updateMask=config.accessType",
        {"config": {"accessType": "OPEN"}},
        token=google.token(BERLIN),
    )
    settle_ending(room_id=room.pk)
    assert settings_at_google(google, space_of(room).name)["accessType"] == "OPEN"
    assert not AuditEntry.objects.filter(action__startswith="settings:").exists()


def test_the_second_look_never_overrides_a_person(google, room, owner):
    record = start_call(google, room)
    end(room, record, owner)
    seen = dict(space_of(room).settings)
    spaces.configure(room=room, wanted={"accessType": "OPEN"}, seen=seen, reason="Open day", actor=owner)
    settle_ending(room_id=room.pk)
    assert settings_at_google(google, space_of(room).name)["accessType"] == "OPEN"
    assert AuditEntry.objects.filter(action__startswith="settings:").count() == 1


def test_the_second_look_leaves_a_link_alone_that_the_room_was_given_since(google, room, owner, admin):
    record = start_call(google, room)
    end(room, record, owner)
    spaces.create(
        room=room, account=space_of(room).account, wanted={"accessType": "OPEN"}, reason="", actor=admin
    )
    settle_ending(room_id=room.pk)
    assert settings_at_google(google, space_of(room).name)["accessType"] == "OPEN"
    assert not AuditEntry.objects.filter(action__startswith="settings:").exists()


def test_a_change_that_was_under_way_when_the_call_was_ended_holds(google, room, owner):
    record = start_call(google, room)
    end(room, record, owner)
    seen = dict(space_of(room).settings)
    spaces.configure(room=room, wanted={"accessType": "OPEN"}, seen=seen, reason="Open day", actor=owner)
    ending = AuditEntry.objects.get(action="conference:end")
    changing = AuditEntry.objects.filter(action="settings:change")
    for finished_at in (ending.at + timedelta(seconds=2), None):
        changing.update(at=ending.at - timedelta(seconds=1), finished_at=finished_at)
        settle_ending(room_id=room.pk)
        assert settings_at_google(google, space_of(room).name)["accessType"] == "OPEN"
        assert changing.count() == 1


def test_a_change_that_died_long_ago_does_not_stop_the_repair(google, room, owner):
    record = start_call(google, room)
    died = timezone.now() - timedelta(hours=1)
    AuditEntry.objects.create(action="settings:change", room=room, at=died, actor_name="-", target="-")
    held = settings_at_google(google, space_of(room).name)
    google.control("POST", "behaviour", {"tighten_after_end": True})
    end(room, record, owner)
    assert settings_at_google(google, space_of(room).name) == held


def test_who_comes_second_does_not_take_the_credit(google, room, owner, admin):
    google.control("POST", "behaviour", {"linger_seconds": 30})
    record = start_call(google, room)
    end(room, record, owner)
    outcome = end(room, record, admin)
    assert (outcome.code, outcome.params) == ("call.room_over_already", {"room": "Berlin 3.14"})
    assert Conference.objects.get(record=record).ended_by == "room-owner@example.com"
    assert [entry.outcome for entry in AuditEntry.objects.order_by("pk")] == ["done", "already"]


# --- Ending: nothing to end, another call, another space ---------------------------------------------


def test_nothing_on_counts_as_done_and_nothing_is_sent(google, room, owner):
    record = start_call(google, room)
    google.control("POST", f"{record.replace('conferenceRecords', 'conferences')}/end")
    outcome = end(room, record, owner)
    assert (outcome.code, outcome.params) == ("call.room_over_already", {"room": "Berlin 3.14"})
    assert outcome.level == "info"
    assert END not in asked(google)
    assert only_entry().outcome == AuditEntry.Outcome.ALREADY
    assert space_of(room).liveness == Liveness.IDLE
    assert Conference.objects.get(record=record).ended_at is not None
    assert Conference.objects.get(record=record).ended_by == ""


def test_another_call_than_the_one_seen_is_left_alone(google, room, owner):
    first = start_call(google, room)
    google.control("POST", f"{first.replace('conferenceRecords', 'conferences')}/end")
    second = start_call(google, room, seen=False)
    with pytest.raises(ActionRejected, match=r"call\.changed"):
        end(room, first, owner)
    assert END not in asked(google)
    assert is_on(google, second)
    assert only_entry().outcome == AuditEntry.Outcome.REFUSED
    assert space_of(room).conference == Conference.objects.get(record=second)


def test_who_saw_no_call_ends_none(google, room, owner):
    record = start_call(google, room, seen=False)
    with pytest.raises(ActionRejected, match=r"call\.changed"):
        end(room, "", owner)
    assert is_on(google, record)
    assert END not in asked(google)


def test_a_foreign_space_is_refused_without_asking(google, owner):
    foreign = known_room(google, owners=(owner,), project="another-app", origin=Space.Origin.FOREIGN)
    record = start_call(google, foreign)
    with pytest.raises(ActionRejected, match=r"call\.made_elsewhere"):
        end(foreign, record, owner)
    assert asked(google) == {}
    assert is_on(google, record)
    assert only_entry().detail == Message("call.made_elsewhere")


def test_google_refuses_a_foreign_space_once_and_it_is_remembered(google, owner):
    untested = known_room(google, owners=(owner,), project="another-app")
    record = start_call(google, untested)
    Space.objects.filter(room=untested).update(origin=Space.Origin.UNTESTED)
    with pytest.raises(ActionRejected, match=r"call\.made_elsewhere"):
        end(Room.objects.get(pk=untested.pk), record, owner)
    assert asked(google)[END] == 1
    assert space_of(untested).origin == Space.Origin.FOREIGN
    forget_requests(google)
    with pytest.raises(ActionRejected, match=r"call\.made_elsewhere"):
        end(Room.objects.get(pk=untested.pk), record, owner)
    assert END not in asked(google)
    assert {entry.outcome for entry in AuditEntry.objects.all()} == {"refused"}
    assert is_on(google, record)


def test_a_space_that_none_of_our_accounts_owns_is_refused(google, owner):
    known = factories.make_space(owned=False, origin=Space.Origin.UNTESTED)
    theirs = factories.make_room(space=known, owners=(owner,))
    with pytest.raises(ActionRejected, match=r"call\.not_owned"):
        end(theirs, "conferenceRecords/any", owner)
    assert asked(google) == {}


def test_a_room_without_a_space_has_nothing_to_end(google, owner):
    bare = factories.make_room(with_space=False, owners=(owner,))
    with pytest.raises(ActionRejected, match=r"call\.no_link"):
        end(bare, "", owner)
    assert asked(google) == {}


# --- Ending: Google fails ----------------------------------------------------------------------------

BEFORE = [
    pytest.param({"status": 503}, "not available", id="503"),
    pytest.param({"status": 500}, "not available", id="500"),
    pytest.param({"status": 429, "retry_after": "30"}, "per minute", id="429"),
    pytest.param({"kind": "timeout"}, "did not answer in time", id="timeout"),
    pytest.param({"kind": "garbage"}, "filter or proxy", id="garbage"),
    pytest.param({"kind": "truncated"}, "", id="truncated"),
]


@pytest.mark.parametrize(("order", "words"), BEFORE)
def test_when_the_look_before_fails_nothing_is_sent(google, room, owner, order, words):
    record = start_call(google, room)
    fault(google, GET, **order)
    with pytest.raises(GoogleError) as trouble:
        end(room, record, owner)
    assert not isinstance(trouble.value, OutcomeUnknown)
    assert words in trouble.value.sentence
    assert END not in asked(google)
    assert is_on(google, record)
    entry = only_entry()
    assert (entry.outcome, entry.detail) == (AuditEntry.Outcome.FAILED, trouble.value.sentence)
    assert Conference.objects.get(record=record).ended_at is None


def test_google_is_sure_to_have_done_nothing(google, room, owner):
    record = start_call(google, room)
    fault(google, END, status=503)
    with pytest.raises(TryLater) as trouble:
        end(room, record, owner)
    assert not isinstance(trouble.value, OutcomeUnknown)
    assert asked(google)[END] == 1
    assert is_on(google, record)
    assert only_entry().outcome == AuditEntry.Outcome.FAILED
    assert Conference.objects.get(record=record).ended_by == ""


UNCLEAR = [
    pytest.param({"status": 500}, id="500"),
    pytest.param({"status": 504}, id="504"),
    pytest.param({"kind": "timeout"}, id="timeout"),
    pytest.param({"kind": "garbage"}, id="garbage"),
    pytest.param({"kind": "truncated"}, id="truncated"),
]


@pytest.mark.parametrize("order", UNCLEAR)
def test_a_lost_answer_to_a_done_deed_is_found_out_by_looking(google, room, owner, order):
    record = start_call(google, room)
    fault(google, END, after=True, **order)
    outcome = end(room, record, owner)
    assert outcome.code == "call.ended"
    assert asked(google)[END] == 1
    entry = only_entry()
    assert entry.outcome == AuditEntry.Outcome.DONE
    assert entry.result_code == "call.over_by_reading"
    assert Conference.objects.get(record=record).ended_by == "room-owner@example.com"


@pytest.mark.parametrize("order", UNCLEAR)
def test_a_lost_answer_and_a_call_still_on_is_unknown_and_not_sent_again(google, room, owner, order):
    record = start_call(google, room)
    fault(google, END, **order)
    with pytest.raises(OutcomeUnknown):
        end(room, record, owner)
    assert asked(google)[END] == 1
    assert is_on(google, record)
    assert only_entry().outcome == AuditEntry.Outcome.UNKNOWN
    assert Conference.objects.get(record=record).ended_at is None


def test_a_lost_answer_and_no_way_to_look_is_unknown(google, room, owner):
    record = start_call(google, room)
    fault(google, END, kind="truncated", after=True)
    fault(google, GET, kind="slow", delay_ms=1)  # the read before the ending passes, the ones after it do not
    fault(google, GET, status=503, times=0)
    with pytest.raises(OutcomeUnknown):
        end(room, record, owner)
    assert asked(google)[END] == 1
    assert only_entry().outcome == AuditEntry.Outcome.UNKNOWN


def test_a_failing_look_afterwards_does_not_undo_the_ending(google, room, owner):
    record = start_call(google, room)
    fault(google, GET, kind="slow", delay_ms=1)  # the read before the ending passes
    fault(google, GET, status=503, times=0)
    outcome = end(room, record, owner)
    assert (outcome.code, outcome.level) == ("call.ended_unchecked", "warning")
    assert only_entry().outcome == AuditEntry.Outcome.DONE


# --- Ending: access, keys, tokens ---------------------------------------------------------------------


def test_the_same_form_twice_acts_once(google, room, owner):
    record = start_call(google, room)
    end(room, record, owner, key="the-key-of-this-form")
    again = end(room, record, owner, key="the-key-of-this-form")
    assert (again.code, again.params["result"]) == ("request.duplicate", Message("result.done"))
    assert asked(google)[END] == 1
    assert AuditEntry.objects.count() == 1


def test_the_same_form_twice_while_the_first_is_under_way_sends_nothing(google, room, owner):
    record = start_call(google, room)
    AuditEntry.objects.create(action="conference:end", actor_name="x", target="x", key="the-key-of-this-form")
    again = end(room, record, owner, key="the-key-of-this-form")
    assert (again.code, again.level) == ("request.pending", "warning")
    assert asked(google) == {}
    assert is_on(google, record)


@pytest.mark.parametrize("who", ["helpdesk", "participant", "colleague"])
def test_without_the_right_nothing_is_asked_and_nothing_written(google, room, request, who):
    person = request.getfixturevalue(who)
    record = start_call(google, room, {"email": "participant@example.com"})
    with pytest.raises(NotAllowed) as refusal:
        end(room, record, person)
    assert refusal.value.permission == Permission.CONFERENCE_END
    assert asked(google) == {}
    assert not AuditEntry.objects.exists()
    assert is_on(google, record)


def test_the_timetable_may_not_end_calls(google, room):
    record = start_call(google, room)
    with pytest.raises(NotAllowed):
        conferences.end(room=room, conference=record, reason="x", actor=SYSTEM)
    assert asked(google) == {}


def connected_room(google: SimulatorProcess, owner: Person) -> tuple[Room, str]:
    """A room whose space belongs to room-owner's own connected account; and their refresh token."""
    given = consent(google, "room-owner@example.com")
    Person.objects.filter(pk=owner.pk).update(google_id=given.google_id)
    owner.refresh_from_db()
    accounts.connect(consent=given, actor=owner)
    room = known_room(google, owners=(owner,), account=owner.handle, name="Own room")
    return room, given.refresh_token or ""


def test_an_owner_ends_with_their_own_consent(google, owner):
    room, _ = connected_room(google, owner)
    record = start_call(google, room)
    end(room, record, owner)
    assert not is_on(google, record)
    requests = google.control("GET", "requests")
    assert list(requests["by_account"]) == ["room-owner@example.com"]
    assert {name: number for name, number in requests["by_method"].items() if name != "token"} == {
        GET: 2,
        END: 1,
    }


def test_a_revoked_consent_is_told_and_remembered(google, owner):
    room, refresh_token = connected_room(google, owner)
    record = start_call(google, room)
    google.control("POST", "revoke", {"email": "room-owner@example.com"})
    with pytest.raises(ConnectionBroken) as trouble:
        end(room, record, owner)
    assert "withdrawn" in trouble.value.sentence
    assert END not in asked(google)
    account = Account.objects.get(email="room-owner@example.com")
    assert account.status == Account.Status.BROKEN
    assert account.problem == trouble.value.sentence
    assert account.problem_since is not None
    assert AuditEntry.objects.get(action="conference:end").outcome == AuditEntry.Outcome.FAILED
    assert is_on(google, record)
    assert refresh_token not in everything_stored()


def everything_stored() -> str:
    """Every row of every table of ours, as text."""
    models = (Account, AuditEntry, Conference, Participant, Person, Room, Space)
    return "".join(serializers.serialize("json", model.objects.all()) for model in models)


def test_no_token_is_in_any_stored_text(google, owner):
    room, refresh_token = connected_room(google, owner)
    record = start_call(google, room)
    fault(google, END, status=500)
    with pytest.raises(OutcomeUnknown):
        end(room, record, owner)
    stored = everything_stored()
    assert refresh_token
    assert refresh_token not in stored
    assert "ya29." not in stored
    assert "1//" not in stored


# --- Reveal ----------------------------------------------------------------------------------------------


def test_helpdesk_reveals_names_and_each_look_is_written_down(room, helpdesk):
    factories.make_call(space_of(room), people=(helpdesk,), devices=1)
    shown = conferences.reveal(room=Room.objects.get(pk=room.pk), actor=helpdesk)
    assert sorted(one.display_name for one in shown) == ["device 0", "helpdesk@example.com"]
    entry = only_entry()
    assert (entry.action, entry.outcome) == ("names:reveal", "done")
    assert entry.detail == Message("call.names_shown", {"n": 2})
    conferences.reveal(room=Room.objects.get(pk=room.pk), actor=helpdesk)
    assert AuditEntry.objects.count() == 2
    assert "device 0" not in everything_audited()


def everything_audited() -> str:
    return str(serializers.serialize("json", AuditEntry.objects.all()))


@pytest.mark.parametrize("who", ["admin", "owner", "participant", "colleague"])
def test_nobody_else_reveals(room, request, who):
    """Owners and admins see the names anyway; the others never do."""
    with pytest.raises(NotAllowed):
        conferences.reveal(room=room, actor=request.getfixturevalue(who))
    assert not AuditEntry.objects.exists()


# --- Forgetting ------------------------------------------------------------------------------------------


def ended_call(days: float, **fields: Any) -> Conference:
    now = timezone.now()
    call = Conference.objects.create(
        record=f"conferenceRecords/{days}",
        space=factories.make_space(),
        started_at=now - timedelta(days=days, hours=1),
        ended_at=now - timedelta(days=days),
        all_people=2,
        **fields,
    )
    for number in range(2):
        Participation.objects.create(
            conference=call,
            name=f"{call.record}/participants/{number}",
            kind="person",
            display_name="Somebody",
            joined_at=now - timedelta(days=days),
            left_at=now - timedelta(days=days),
        )
    return call


def test_names_are_kept_for_days_and_numbers_for_years(db, settings, monkeypatch):
    settings.KEEP_NAMES, settings.KEEP_CALLS = 30, 400
    monkeypatch.setattr(pieces, "AT_ONCE", 3)  # more than one piece
    recent, old, older = ended_call(29.9), ended_call(30.1), ended_call(399.9)
    ancient = ended_call(400.1)
    room = factories.make_room()
    running = factories.make_call(space_of(room), devices=1, ago=timedelta(days=40))
    Participation.objects.create(
        conference=running, name="still/in", kind="device", joined_at=timezone.now() - timedelta(days=40)
    )
    assert conferences.forget(actor=SYSTEM) == (6, 1)
    assert set(Conference.objects.all()) == {recent, old, older, running}
    assert set(Participation.objects.values_list("conference", flat=True)) == {recent.pk, running.pk}
    assert Conference.objects.get(pk=older.pk).all_people == 2
    assert space_of(room).conference == running
    assert conferences.forget(actor=SYSTEM) == (0, 0)
    assert ancient not in Conference.objects.all()


def test_names_in_a_call_whose_end_nobody_saw_are_not_kept_for_ever(db, settings):
    """The account was disconnected, or the link deleted, while it ran."""
    settings.KEEP_NAMES, settings.KEEP_CALLS = 30, 400

    def lost(days: float) -> Conference:
        call = factories.make_call(
            factories.make_space(), guests=1, now=timezone.now() - timedelta(days=days)
        )
        Participation.objects.create(
            conference=call, name=f"in/{days}", kind="guest", joined_at=timezone.now() - timedelta(days=days)
        )
        return call

    recent, old, ancient = lost(29.9), lost(30.1), lost(400.1)
    conferences.forget(actor=SYSTEM)
    assert set(Participation.objects.values_list("conference", flat=True)) == {recent.pk}
    assert set(Participant.objects.values_list("conference", flat=True)) == {recent.pk}
    assert set(Conference.objects.all()) == {recent, old}
    assert Space.objects.get(pk=ancient.space_id).conference is None


def test_forgetting_is_the_timetables_business(db, admin):
    with pytest.raises(NotAllowed):
        conferences.forget(actor=admin)
