"""Why somebody cannot get in: a table of facts, the reasons and the next step of each role."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spaces import access
from spaces.access import ROLES
from spaces.actions.admission import Admits, Caller, Entry, Facts, Link, advice, explain, facts_of
from spaces.models import Account, Conference, Member, Person, Room, Space
from spaces.models.spaces import Liveness
from spaces.sync.apply.spaces import apply_conference
from spaces.views import lookup_words
from tests import factories

RESTRICTED, TRUSTED, OPEN = ({"accessType": kind} for kind in ("RESTRICTED", "TRUSTED", "OPEN"))
HOSTED = {"moderation": "ON"}
OUT, US, IN = Caller.OUTSIDER, Caller.COLLEAGUE, Caller.MEMBER
LIVE: dict[str, Any] = {"running": True, "people": 2, "host_present": False}
DEVICES: dict[str, Any] = {"running": True, "people": 0, "host_present": False}

# Settings, other facts; entry, who admits; the step of an admin and of helpdesk without their endings.
TABLE: list[tuple[dict[str, str] | None, dict[str, Any], Entry, Admits | None, str]] = [
    (OPEN, {}, Entry.DIRECT, None, "send_direct"),
    (OPEN, {"caller": OUT}, Entry.DIRECT, None, "send_direct"),
    (OPEN, {"caller": US}, Entry.DIRECT, None, "check_account"),
    (OPEN | HOSTED, {"refused": True}, Entry.DIRECT, None, "check_account"),
    (TRUSTED, {}, Entry.COLLEAGUES, Admits.COLLEAGUE_FIRST, "send_colleagues"),
    (TRUSTED, {"caller": US}, Entry.DIRECT, None, "check_account"),
    (TRUSTED, {"caller": IN}, Entry.DIRECT, None, "check_account"),
    (TRUSTED, {"caller": OUT}, Entry.ASK, Admits.COLLEAGUE_FIRST, "colleague_first"),
    (TRUSTED, {"caller": OUT, **LIVE}, Entry.ASK, Admits.PEOPLE_PRESENT, "ask_people_present"),
    (TRUSTED, {"caller": OUT, **DEVICES}, Entry.ASK, Admits.COLLEAGUE_FIRST, "colleague_first"),
    (TRUSTED | HOSTED, {"caller": OUT}, Entry.ASK, Admits.NOBODY, "invite_outsider"),
    (TRUSTED | HOSTED, {"caller": OUT, **LIVE}, Entry.ASK, Admits.NOBODY, "invite_outsider"),
    (TRUSTED | HOSTED, {"caller": OUT, **LIVE, "has_cohosts": True}, Entry.ASK, Admits.HOST_ABSENT, "host_first"),
    (TRUSTED | HOSTED, {"caller": OUT, **LIVE, "host_present": True}, Entry.ASK, Admits.HOST_PRESENT, "ask_host_present"),
    (RESTRICTED, {}, Entry.INVITED, Admits.NOBODY, "allow_colleagues"),
    (RESTRICTED, {"caller": US}, Entry.ASK, Admits.NOBODY, "allow_colleagues"),
    (RESTRICTED, {"caller": OUT}, Entry.ASK, Admits.NOBODY, "invite_outsider"),
    (RESTRICTED, {"caller": IN}, Entry.DIRECT, None, "check_account"),
    (RESTRICTED, {"caller": Caller.HOST}, Entry.DIRECT, None, "check_account"),
    (RESTRICTED, {"robot": False}, Entry.INVITED, Admits.HOST_ABSENT, "host_first"),
    (RESTRICTED, {"has_cohosts": True}, Entry.INVITED, Admits.HOST_ABSENT, "host_first"),
    (RESTRICTED, LIVE, Entry.INVITED, Admits.PEOPLE_PRESENT, "ask_people_present"),
    (RESTRICTED, DEVICES, Entry.INVITED, Admits.NOBODY, "allow_colleagues"),
    (RESTRICTED, {**DEVICES, "people": None}, Entry.INVITED, Admits.UNKNOWN, "try_link"),
    (RESTRICTED, {"running": None}, Entry.INVITED, Admits.UNKNOWN, "try_link"),
    (RESTRICTED | HOSTED, LIVE, Entry.INVITED, Admits.NOBODY, "allow_colleagues"),
    (RESTRICTED | HOSTED, {**LIVE, "has_cohosts": True, "host_present": None}, Entry.INVITED, Admits.UNKNOWN, "try_link"),
    (RESTRICTED, {"ended": timedelta(minutes=1)}, Entry.INVITED, Admits.NOBODY, "allow_after_end"),
    (RESTRICTED, {"ended": timedelta(minutes=1), "caller": IN}, Entry.DIRECT, None, "check_account"),
    (OPEN, {"ended": timedelta(minutes=1)}, Entry.DIRECT, None, "send_direct"),
    (OPEN | {"entryPointAccess": "CREATOR_APP_ONLY"}, {}, Entry.SHUT, None, "open_entry"),
    (OPEN, {"link": Link.OLD}, Entry.DIRECT, None, "send_current"),
    (RESTRICTED, {"link": Link.OLD}, Entry.INVITED, Admits.NOBODY, "allow_colleagues"),
    (OPEN, {"gone": True}, Entry.SHUT, None, "replace_link"),
    (None, {}, Entry.UNKNOWN, Admits.UNKNOWN, "try_link"),
    ({"accessType": "ORGANIZATION_AND_GUESTS"}, {}, Entry.UNKNOWN, Admits.NOBODY, "try_link"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "others", "entry", "admits", "step"), TABLE)
def test_facts_lead_to_the_reason_and_the_step(settings, others, entry, admits, step):
    explanation = explain(Facts(settings=settings, **others))
    assert (explanation.entry, explanation.admits) == (entry, admits)
    code, act = advice(explanation, ROLES["admin"].grants, writable=True)
    assert code == step
    by_helpdesk, act_of_helpdesk = advice(explanation, ROLES["helpdesk"].grants, writable=True)
    assert by_helpdesk.removesuffix("_by_owner") == step
    assert (act == "settings") is by_helpdesk.endswith("_by_owner") is (act_of_helpdesk == "mail")


@pytest.mark.parametrize(("settings", "others", "entry", "admits", "step"), TABLE)
def test_sending_the_link_is_advised_only_where_it_works(settings, others, entry, admits, step):
    explanation = explain(Facts(settings=settings, **others))
    for role in ("admin", "owner", "helpdesk"):
        code, _act = advice(explanation, ROLES[role].grants, writable=False)
        assert explanation.link_works or not code.startswith("send")


@pytest.mark.parametrize("role", ["colleague", "participant"])
def test_colleagues_get_the_same_advice_whatever_is_true(role):
    found = {
        advice(explain(Facts(settings=settings, **others)), ROLES[role].grants, writable=True)
        for settings, others, _entry, _admits, _step in TABLE
        if others.get("link") != Link.OLD
    }
    assert found == {("pass_on", "copy")}


FINDINGS = [
    ({"refused": True}, OPEN, "meet_refused"),
    ({"code_is_old": True}, OPEN, "code_old"),
    ({"gone": True}, OPEN, "link_gone"),
    ({"link": Link.OLD}, OPEN, "old_link"),
    ({"link": Link.NONE}, None, "no_link"),
    ({"account_refused": True}, OPEN, "account_refused"),
    ({"caller": Caller.COHOST}, RESTRICTED, "caller_cohost"),
    ({"caller": IN}, RESTRICTED, "caller_member"),
    ({"caller": OUT}, RESTRICTED, "caller_outsider"),
    ({}, OPEN | {"entryPointAccess": "CREATOR_APP_ONLY"}, "app_only"),
    ({}, RESTRICTED | HOSTED, "host_management"),
    ({}, OPEN | HOSTED | {"moderationRestrictions.defaultJoinAsViewerType": "ON"}, "viewers"),
    ({}, OPEN | HOSTED | {"moderationRestrictions.presentRestriction": "HOSTS_ONLY"}, "hosts_present_only"),
    ({"ended": timedelta(minutes=2), "ended_by": "IT"}, RESTRICTED, "ended_locked"),
    ({"ended": timedelta(minutes=2)}, TRUSTED, "ended_open"),
]


@pytest.mark.parametrize(("facts", "settings", "code"), FINDINGS)
def test_finding_is_named_only_where_it_is_true(facts, settings, code):
    with_it = explain(Facts(settings=settings, **facts))
    assert code in {found.code for found in with_it.findings}
    assert code not in {found.code for found in explain(Facts(settings=OPEN)).findings}


def test_restrictions_without_host_management_are_no_finding():
    settings = OPEN | {"moderation": "OFF", "moderationRestrictions.presentRestriction": "HOSTS_ONLY"}
    assert "hosts_present_only" not in {found.code for found in explain(Facts(settings=settings)).findings}


def test_end_is_no_finding_while_the_next_call_runs():
    facts = Facts(settings=OPEN, ended=timedelta(minutes=1), **LIVE)
    assert "ended_open" not in {found.code for found in explain(facts).findings}


# --- Reading the facts --------------------------------------------------------------------------------------------


@pytest.fixture
def room(owner: Person) -> Room:
    """A room whose link belongs to a mailbox and lets in invited people only."""
    return factories.make_room("3.14", owners=(owner,), space=factories.make_space(settings=dict(RESTRICTED)))


def read(room: Room, person: Person, **asked: Any) -> Facts:
    fresh = Room.objects.for_pages().get(pk=room.pk)
    return facts_of(fresh, access.permissions(person, fresh), **asked)


CALLERS = [
    ("", Caller.UNKNOWN),
    ("no address", Caller.UNKNOWN),
    ("Participant@Example.com", Caller.COLLEAGUE),
    ("stranger@elsewhere.example", Caller.OUTSIDER),
    ("stranger@notexample.com", Caller.OUTSIDER),
    ("rooms-ber@example.com", Caller.HOST),
    ("member@elsewhere.example", Caller.MEMBER),
    ("cohost@example.com", Caller.COHOST),
]


@pytest.mark.parametrize(("address", "caller"), CALLERS)
def test_caller_is_told_apart_by_membership_and_domain(room, helpdesk, address, caller):
    Member.objects.create(space=room.space, email="member@elsewhere.example")
    Member.objects.create(space=room.space, email="cohost@example.com", role="COHOST")
    assert read(room, helpdesk, caller=address).caller == caller


def test_caller_is_recognised_by_an_alias(room, helpdesk):
    member = factories.make_person("participant@example.com")
    member.aliases.create(address="p.articipant@example.com")
    Member.objects.create(space=room.space, email="participant@example.com")
    assert read(room, helpdesk, caller="P.articipant@example.com").caller == Caller.MEMBER


def test_colleague_is_told_nothing_of_settings_members_or_calls(room, colleague):
    Member.objects.create(space=room.space, email="member@elsewhere.example")
    idle = read(room, colleague, caller="member@elsewhere.example")
    assert (idle.may_know, idle.settings, idle.running, idle.caller) == (False, None, None, Caller.OUTSIDER)
    factories.make_call(room.space, devices=2)
    Space.objects.update(settings=dict(OPEN), trouble=Space.Trouble.NOT_FOUND)
    Member.objects.all().delete()
    assert read(room, colleague, caller="member@elsewhere.example") == idle


def test_cohosts_are_named_to_those_who_may_see_the_members(room, helpdesk, owner):
    Member.objects.create(space=room.space, email="cohost@example.com", role="COHOST")
    assert (read(room, helpdesk).has_cohosts, read(room, helpdesk).cohosts) == (True, ())
    assert read(room, owner).cohosts == ("cohost@example.com",)


def test_host_in_the_call_is_recognised_by_google_id(room, helpdesk):
    cohost = factories.make_person("cohost@example.com")
    Member.objects.create(space=room.space, email="cohost@example.com", role="COHOST")
    call = factories.make_call(room.space, people=(cohost,), devices=1)
    assert read(room, helpdesk).host_present is True
    call.participants.filter(google_id=cohost.google_id).delete()
    assert read(room, helpdesk).host_present is False
    Conference.objects.update(listed_at=None)
    assert read(room, helpdesk).host_present is None


def test_account_of_a_person_is_no_robot(room, helpdesk):
    assert read(room, helpdesk).robot
    Account.objects.update(kind=Account.Kind.CONSENTED)
    assert not read(room, helpdesk).robot


def test_recent_end_is_a_fact_for_half_an_hour(room, helpdesk):
    call = factories.make_call(room.space)
    apply_conference(room.space, None, seen_at=timezone.now())
    Conference.objects.filter(pk=call.pk).update(
        ended_at=timezone.now() - timedelta(minutes=3), ended_by="IT"
    )
    facts = read(room, helpdesk)
    assert facts.ended is not None
    assert (int(facts.ended.total_seconds() // 60), facts.ended_by) == (3, "IT")
    Conference.objects.filter(pk=call.pk).update(ended_at=timezone.now() - timedelta(minutes=31))
    assert read(room, helpdesk).ended is None


@pytest.mark.parametrize(
    ("changes", "running"),
    [
        ({"liveness": Liveness.IDLE}, False),
        ({"liveness": Liveness.UNKNOWN}, None),
        ({"owned": False}, None),
        ({"trouble": Space.Trouble.NOT_PERMITTED}, None),
    ],
)
def test_call_is_unknown_where_google_does_not_tell(room, helpdesk, changes, running):
    Space.objects.filter(pk=room.space.pk).update(**changes)
    assert read(room, helpdesk).running is running


def test_settings_of_a_link_that_is_not_ours_are_unknown(room, helpdesk):
    Space.objects.filter(pk=room.space.pk).update(owned=False)
    facts = read(room, helpdesk)
    assert facts.settings is None
    assert explain(replace(facts, caller=US)).entry == Entry.UNKNOWN


def test_every_finding_and_step_has_a_sentence():
    for settings, others, _entry, _admits, _step in TABLE:
        explanation = explain(Facts(settings=settings, **others, address="participant@example.com"))
        assert all(lookup_words.finding(found) for found in explanation.findings)
        for role in ROLES.values():
            for writable in (True, False):
                code, _act = advice(explanation, role.grants, writable=writable)
                assert lookup_words.step(code, explanation)
