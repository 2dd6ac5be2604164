"""The access policy, repeated by hand: who may do what, and what each page shows to whom."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from meetadmin.monitoring import urls as monitoring_urls
from spaces import access, urls
from spaces.access import ROLES, ROOM_PERMISSIONS, SEEDER, SYSTEM, Permission
from spaces.forms import FilterForm
from spaces.message import Message
from spaces.messages import CATALOGUE
from spaces.models import (
    AuditEntry,
    Building,
    Conference,
    Member,
    Participant,
    Participation,
    Person,
    Role,
    Room,
    Space,
)
from spaces.models.spaces import Liveness
from spaces.sync.apply.conferences import apply_participants
from spaces.sync.apply.spaces import apply_conference
from tests import factories

ROOT = Path(__file__).resolve().parents[2]

# --- Role by permission -------------------------------------------------------------------------------
#
# on one room:         colleague participant owner helpdesk admin
ON_A_ROOM = """
room:see               yes       yes         yes   yes      yes
call:see               -         yes         yes   yes      yes
history:see            -         -           yes   yes      yes
names:see              -         -           yes   -        yes
names:reveal           -         -           -     yes      -
joining-secrets:see    -         -           yes   yes      yes
settings:see           -         -           yes   -        yes
settings:change        -         -           yes   -        yes
conference:end         -         -           yes   -        yes
device:identify        -         -           yes   -        yes
space:refresh          -         -           yes   yes      yes
audit:room             -         -           yes   -        yes
room:edit              -         -           -     -        yes
space:create           -         -           -     -        yes
space:adopt            -         -           -     -        yes
"""
# on the whole:        colleague helpdesk limited admin system
ON_THE_WHOLE = """
account:connect        yes       yes      yes     yes   -
account:disconnect     yes       yes      yes     yes   -
lookup:ask             -         yes      yes     yes   -
audit:read             -         -        yes     yes   -
system:see             -         yes      yes     yes   -
room:create            -         -        yes     yes   -
building:edit          -         -        yes     yes   -
building:add           -         -        -       yes   -
building:delete        -         -        -       yes   -
account:manage         -         -        -       yes   yes
account:check          -         -        -       yes   -
people:manage          -         -        -       yes   -
people:merge           -         -        -       yes   -
people:succeed         -         -        -       yes   -
people:admit           -         -        -       -     yes
account:sweep          -         -        -       -     yes
events:take            -         -        -       -     yes
history:forget         -         -        -       -     yes
settings:restore       -         -        -       -     yes
"""


def lines(table: str) -> Iterator[tuple[str, list[bool]]]:
    for line in table.strip().splitlines():
        name, *cells = line.split()
        yield name, [cell == "yes" for cell in cells]


def test_what_each_role_grants_on_a_room():
    order = [ROLES[name] for name in ("colleague", "participant", "owner", "helpdesk", "admin")]
    for name, cells in lines(ON_A_ROOM):
        granted = [Permission(name) in role.grants for role in order]
        assert granted == cells, f"{name} on a room"
    named = {Permission(name) for name, _ in lines(ON_A_ROOM)}
    assert named == ROOM_PERMISSIONS, "a permission on rooms has no line in the table"
    assert frozenset().union(*(role.on_rooms for role in ROLES.values())) == named
    assert ROLES["building_admin"].on_rooms == ROLES["admin"].on_rooms


def test_what_each_role_grants_on_the_whole():
    roles = [ROLES[name].in_general for name in ("colleague", "helpdesk", "building_admin", "admin")]
    granted_by = [*roles, SYSTEM.grants]
    for name, cells in lines(ON_THE_WHOLE):
        assert [Permission(name) in grants for grants in granted_by] == cells, f"{name} on the whole"
    named = {Permission(name) for name, _ in lines(ON_THE_WHOLE)}
    assert frozenset().union(*granted_by) == named, "a general permission has no line in the table"


def test_every_permission_is_in_the_tables_and_has_its_sentence():
    named = {name for table in (ON_A_ROOM, ON_THE_WHOLE) for name, _ in lines(table)}
    assert named == set(Permission)
    assert {access.not_allowed(permission).code for permission in Permission} <= set(CATALOGUE)


def test_no_system_actor_may_end_calls_or_change_settings():
    for system in (SYSTEM, SEEDER):
        assert not system.grants & {
            Permission.CONFERENCE_END,
            Permission.SETTINGS_CHANGE,
            Permission.NAMES_SEE,
        }


def test_system_holds_exactly_the_permissions_that_its_verbs_ask_for():
    """Its verbs are those that the code calls with `actor=SYSTEM`; what they record under its name counts, too."""
    asked: set[str] = set()
    for path in sorted((ROOT / "spaces").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            given = {word.arg: ast.unparse(word.value) for word in call.keywords}
            if given.get("actor") != "SYSTEM":
                continue
            if "permission" in given:
                asked.add(given["permission"])
            else:
                asked |= _permissions_of(ast.unparse(call.func))
    assert {word.removeprefix("Permission.") for word in asked} == {word.name for word in SYSTEM.grants}


def _permissions_of(verb: str) -> set[str]:
    """What the action asks `access.require` for."""
    module, name = verb.rsplit(".", 1)
    tree = ast.parse((ROOT / "spaces" / VERBS_ELSEWHERE.get(module, "actions") / f"{module}.py").read_text())
    body = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    calls = [node for node in ast.walk(body) if isinstance(node, ast.Call)]
    asked = {ast.unparse(call.args[1]) for call in calls if ast.unparse(call.func) == "access.require"}
    assert asked, f"{verb} asks for no permission"
    return asked


VERBS_ELSEWHERE = {"events": "sync", "scheduling": "sync", "subscriptions": "sync", "outbox": "."}


def test_google_is_changed_by_audited_verbs_only():
    """Whoever calls one of these has to do so within `audit.attempt`, which lets a System do only what it holds the permission for."""
    writes = {"create_space", "patch_space", "end_active_conference"}
    found = set()
    for path in sorted((ROOT / "spaces").rglob("*.py")):
        if "google" in path.parts:
            continue
        for body in (
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)
        ):
            calls = (node for node in ast.walk(body) if isinstance(node, ast.Call))
            if any(isinstance(call.func, ast.Attribute) and call.func.attr in writes for call in calls):
                found.add(f"{path.stem}.{body.name}")
    assert found == {
        "spaces._create_at_google",
        "settings_change.patch",
        "conferences._end_once",
        "conferences._restore",
    }


# --- The stage --------------------------------------------------------------------------------------------

CODE = "abc-mnop-xyz"
CAST = [
    "anonymous",
    "colleague",
    "participant",
    "member",
    "owner",
    "deputy",
    "helpdesk",
    "admin",
    "berlin_admin",
    "munich_admin",
    "locked_out",
]


class Stage:
    """One room in Berlin with a stuck-looking call, and everybody who may be something to it."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {
            "colleague": factories.make_person("colleague@example.com"),
            "participant": factories.make_person("participant@example.com", name="Paula Present"),
            "member": factories.make_person("cohost@example.com"),
            "owner": factories.make_person("room-owner@example.com"),
            "deputy": factories.make_person("deputy@example.com"),
            "helpdesk": factories.make_person("helpdesk@example.com", role=Role.HELPDESK),
            "admin": factories.make_person("it-admin@example.com", role=Role.ADMIN),
            "berlin_admin": factories.make_person("berlin-admin@example.com", role=Role.ADMIN),
            "munich_admin": factories.make_person("munich-admin@example.com", role=Role.ADMIN),
            "locked_out": factories.make_person("locked-out@example.com", role=Role.ADMIN, is_active=False),
        }
        self.berlin, self.munich = factories.make_building("BER"), factories.make_building("MUC")
        self.people["berlin_admin"].buildings.set([self.berlin])
        self.people["munich_admin"].buildings.set([self.munich])
        self.space = factories.make_space(
            CODE,
            settings={"accessType": "RESTRICTED", "moderation": "OFF"},
            phone_access=[{"number": "+49 30 5550100", "pin": "4711-PIN", "region": "DE", "language": "de"}],
            sip_access=[{"uri": "sip:room@example.com", "access_code": "0815-SIP"}],
        )
        self.room = factories.make_room(
            "Berlin 3.14",
            slug="berlin-314",
            building=self.berlin,
            space=self.space,
            owners=(self.people["owner"],),
            deputies=(self.people["deputy"],),
        )
        self.call = factories.make_call(
            self.space, people=(self.people["participant"],), devices=37, ago=timedelta(hours=13)
        )
        Participant.objects.filter(kind="person").update(display_name="Paula Present")
        Member.objects.create(space=self.space, email="cohost@example.com", role="COHOST")
        Conference.objects.create(
            record="conferenceRecords/earlier",
            space=self.space,
            started_at=timezone.now() - timedelta(days=2),
            ended_at=timezone.now() - timedelta(days=2, hours=-1),
            ended_by="Eve Earlier",
            peak=9,
        )
        self.entry = AuditEntry.objects.create(
            action="conference:end",
            actor_name="Eve Earlier",
            room=self.room,
            target="Berlin 3.14 (Berlin)",
            reason="audited words",
            outcome="done",
        )

    def browser(self, who: str) -> Client:
        browser = Client()
        if who != "anonymous":
            person = self.people[who]
            if who == "locked_out":
                # Signed in before the door was shut.
                Person.objects.filter(pk=person.pk).update(is_active=True)
                browser.force_login(person)
                Person.objects.filter(pk=person.pk).update(is_active=False)
            else:
                browser.force_login(person)
        return browser


@pytest.fixture
def stage(db: None) -> Stage:
    """Room, call and cast."""
    return Stage()


# --- Route by person ----------------------------------------------------------------------------------------
#
# in: 302 to the sign-in page. Forms are sent empty: 422 says that the person may, and has to fill in something.
#
#                    anon coll part memb ownr depu help admn ber  muc  locked
ROUTES = """
GET  overview         in  200  200  200  200  200  200  200  200  200  in
GET  room_new         in  403  403  403  403  403  403  200  200  200  in
POST room_new         in  403  403  403  403  403  403  422  422  422  in
GET  room             in  200  200  200  200  200  200  200  200  200  in
GET  room_edit        in  403  403  403  403  403  403  200  200  403  in
POST room_edit        in  403  403  403  403  403  403  422  422  403  in
POST room_archive     in  403  403  403  403  403  403  302  302  403  in
POST room_restore     in  403  403  403  403  403  403  302  302  403  in
POST refresh          in  403  403  403  302  302  302  302  302  403  in
GET  end              in  403  403  403  200  200  403  200  200  403  in
POST end              in  403  403  403  422  422  403  422  422  403  in
POST identify         in  403  403  403  302  302  403  302  302  403  in
POST reveal           in  403  403  403  403  403  200  403  403  403  in
GET  configure        in  403  403  403  200  200  403  200  200  403  in
POST configure        in  403  403  403  422  422  403  422  422  403  in
GET  space_create     in  403  403  403  403  403  403  200  200  403  in
POST space_create     in  403  403  403  403  403  403  422  422  403  in
GET  space_adopt      in  403  403  403  403  403  403  200  200  403  in
POST space_adopt      in  403  403  403  403  403  403  422  422  403  in
GET  room_card        in  200  200  200  200  200  200  200  200  200  in
GET  join             in  302  302  302  302  302  302  302  302  302  in
POST star             in  302  302  302  302  302  302  302  302  302  in
GET  commands         in  200  200  200  200  200  200  200  200  200  in
POST selection        in  200  200  200  200  200  200  200  200  200  in
POST selection_refresh in 302  302  302  302  302  302  302  302  302  in
GET  preferences      in  200  200  200  200  200  200  200  200  200  in
GET  keys             in  200  200  200  200  200  200  200  200  200  in
POST columns          in  302  302  302  302  302  302  302  302  302  in
POST filter_save      in  422  422  422  422  422  422  422  422  422  in
POST filter_drop      in  302  302  302  302  302  302  302  302  302  in
GET  styleguide       in  403  403  403  403  403  200  200  200  200  in
GET  lookup           in  200  200  200  200  200  200  200  200  200  in
POST lookup           in  302  302  302  302  302  302  302  302  302  in
POST lookup_forget    in  302  302  302  302  302  302  302  302  302  in
POST lookup_ask       in  403  403  403  403  403  200  200  200  200  in
GET  mine             in  200  200  200  200  200  200  200  200  200  in
GET  people           in  403  403  403  403  403  403  200  403  403  in
POST people           in  403  403  403  403  403  403  422  403  403  in
GET  person           in  403  403  403  403  403  403  200  403  403  in
POST person           in  403  403  403  403  403  403  422  403  403  in
POST person_switch    in  403  403  403  403  403  403  302  403  403  in
GET  buildings        in  403  403  403  403  403  403  200  200  200  in
GET  building_new     in  403  403  403  403  403  403  200  403  403  in
POST building_new     in  403  403  403  403  403  403  422  403  403  in
GET  building_edit    in  403  403  403  403  403  403  200  200  404  in
POST building_edit    in  403  403  403  403  403  403  422  422  404  in
POST building_delete  in  403  403  403  403  403  403  302  403  404  in
GET  person_merge     in  403  403  403  403  403  403  200  403  403  in
POST person_merge     in  403  403  403  403  403  403  422  403  403  in
POST person_keep_apart in 403  403  403  403  403  403  302  403  403  in
POST person_separate  in  403  403  403  403  403  403  302  403  403  in
GET  person_hand_over in  403  403  403  403  403  403  200  403  403  in
POST person_hand_over in  403  403  403  403  403  403  422  403  403  in
GET  audit            in  403  403  403  403  403  403  200  200  200  in
GET  accounts         in  200  200  200  200  200  200  200  200  200  in
POST connect          in  302  302  302  302  302  302  302  302  302  in
GET  connect_callback in  302  302  302  302  302  302  302  302  302  in
POST disconnect       in  403  403  403  403  403  403  302  403  403  in
POST account_test     in  403  403  403  403  403  403  302  403  403  in
GET  language      200 200  200  200  200  200  200  200  200  200  200
POST language      302 302  302  302  302  302  302  302  302  302  302
POST google_pubsub    404 404  404  404  404  404  404  404  404  404  404
POST account_check    in  403  403  403  403  403  403  302  403  403  in
GET  system           in  403  403  403  403  403  200  200  200  200  in
GET  metrics         404  403  403  403  403  403  403  200  403  403  404
GET  healthz          200 200  200  200  200  200  200  200  200  200  200
GET  readyz           503 503  503  503  503  503  503  503  503  503  503
"""
TABLE = [(line.split()[0], line.split()[1], line.split()[2:]) for line in ROUTES.strip().splitlines()]
ROOM_ROUTES = {
    "room", "room_card", "room_edit", "room_archive", "room_restore", "refresh", "end", "identify", "reveal", "configure", "space_create",
    "space_adopt", "join", "star",
}  # fmt: skip


def address(name: str, stage: Stage) -> str:
    if name in ROOM_ROUTES:
        return reverse(name, args=[stage.room.slug])
    if name == "filter_drop":
        return reverse(name, args=[1])
    if name.startswith("building_") and name != "building_new":
        return reverse(name, args=[stage.room.building.pk])
    if name == "person" or name.startswith("person_"):
        return reverse(name, args=[stage.people["colleague"].pk])
    if name in {"disconnect", "account_test", "account_check"}:
        return reverse(name, args=[stage.space.account.pk])
    return reverse(name)


def answer(stage: Stage, method: str, url: str, who: str) -> str:
    """The status, or "in" for the way to the sign-in page; whatever it changed is taken back."""
    with transaction.atomic():
        browser = stage.browser(who)
        reply = browser.get(url) if method == "GET" else browser.post(url, {"empty": "form"})
        transaction.set_rollback(True)
    if reply.status_code == 302 and reply["Location"].startswith(reverse("account_login")):
        return "in"
    return str(reply.status_code)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "name", "expected"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_who_gets_what_from_every_route(stage, method, name, expected):
    url = address(name, stage)
    found = {who: answer(stage, method, url, who) for who in CAST}
    assert found == dict(zip(CAST, expected, strict=True))


def test_every_named_route_has_its_lines():
    named = {pattern.name for pattern in [*urls.urlpatterns, *monitoring_urls.urlpatterns]}
    in_table = {name for _, name, _ in TABLE}
    assert named == in_table, "Write the new route into the table above: who gets what from it."


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({row[1] for row in TABLE}))
def test_what_is_not_in_the_table_is_not_answered(stage, name):
    known = {method for method, route, _ in TABLE if route == name}
    for method in {"GET", "POST"} - known:
        assert answer(stage, method, address(name, stage), "admin") == "405"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ROOM_ROUTES))
def test_an_archived_room_is_there_for_admins_only(stage, name):
    """A stranger's room is a 404, not a 403: that it exists is already a fact."""
    Room.objects.filter(pk=stage.room.pk).update(archived_at=timezone.now())
    method = next(method for method, route, _ in TABLE if route == name)
    url = address(name, stage)
    for who in CAST:
        status = answer(stage, method, url, who)
        if who in {"anonymous", "locked_out"}:
            assert status == "in"
        elif who in {"admin", "berlin_admin"}:
            assert status != "404"
        else:
            assert status == "404", who


@pytest.mark.slow
def test_a_room_that_never_was_is_a_404_for_everybody(stage):
    for name in ROOM_ROUTES:
        method = next(method for method, route, _ in TABLE if route == name)
        assert answer(stage, method, reverse(name, args=["no-such-room"]), "admin") == "404"


def patterns(found: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for one in found:
        if isinstance(one, URLResolver):
            yield from patterns(one.url_patterns)
        else:
            yield one


PUBLIC = {
    "healthz", "readyz", "account_login", "account_logout", "account_inactive", "google_login", "google_callback",
    "google_pubsub", "language", "metrics", "socialaccount_login_cancelled",
}  # fmt: skip


def test_exactly_the_probes_the_hook_and_the_sign_in_are_public():
    public = {
        one.name
        for one in patterns(get_resolver().url_patterns)
        if not getattr(one.callback, "login_required", True)
    }
    assert public == PUBLIC, "Sign-in is required everywhere; a public view is the marked exception."


def test_signing_in_leads_to_the_page_that_was_wanted(stage):
    reply = Client().get(reverse("room", args=["berlin-314"]))
    assert reply["Location"] == f"{reverse('account_login')}?next=/rooms/berlin-314/"


# --- What pages tell ----------------------------------------------------------------------------------------

# fact: who finds it on any page about this room. Everybody else finds it on none.
FACTS = {
    "name": ("Berlin 3.14", CAST[1:10]),
    "code": (CODE, CAST[1:10]),
    "link": (f"https://meet.google.com/{CODE}", CAST[1:10]),
    "owner": ("room-owner@example.com", CAST[1:10]),
    "state": (
        'class="state stuck"',
        ["participant", "member", "owner", "deputy", "helpdesk", "admin", "berlin_admin"],
    ),
    "since": (
        "13 h 00 min",
        ["participant", "member", "owner", "deputy", "helpdesk", "admin", "berlin_admin"],
    ),
    "why": (
        "running for 13 h",
        ["participant", "member", "owner", "deputy", "helpdesk", "admin", "berlin_admin"],
    ),
    "heads": (
        '37<span class="unseen">room devices',
        ["participant", "member", "owner", "deputy", "helpdesk", "admin", "berlin_admin"],
    ),
    "earlier calls": ("Eve Earlier", ["owner", "deputy", "helpdesk", "admin", "berlin_admin"]),
    "names": ("Paula Present", ["owner", "deputy", "admin", "berlin_admin"]),
    "PIN": ("4711-PIN", ["owner", "deputy", "helpdesk", "admin", "berlin_admin"]),
    "SIP code": ("0815-SIP", ["owner", "deputy", "helpdesk", "admin", "berlin_admin"]),
    "members": ("<span>cohost@example.com</span>", ["owner", "deputy", "admin", "berlin_admin"]),
    "settings": ("Ways to join", ["owner", "deputy", "admin", "berlin_admin"]),
    "account": ("rooms-ber@example.com", ["owner", "deputy", "admin", "berlin_admin"]),
    "trail": ("audited words", ["owner", "deputy", "admin", "berlin_admin"]),
}
STATES = ("", "stuck", "live", "idle", "unknown", "ageing", "none")
SORTS = ("", *dict(FilterForm.SORTS))


def pages_about(stage: Stage, who: str) -> str:
    """All that somebody can read about the room."""
    browser = stage.browser(who)
    room = stage.room.get_absolute_url()
    addresses = ["/", "/?state=stuck", "/?state=none&sort=since"]
    addresses += [f"{room}?tab={tab}" for tab in ("", "history", "settings", "members", "spaces", "audit")]
    addresses += [f"/lookup/?q={text}" for text in (CODE, "Berlin", "room-owner", "nowhere")]
    addresses += [
        "/mine/",
        "/audit/",
        *(reverse(name, args=[stage.room.slug]) for name in ("end", "room_card")),
    ]
    replies = [browser.get(one) for one in addresses]
    replies += [browser.get(one, headers={"HX-Request": "true"}) for one in ("/", room)]
    return "\n".join(reply.content.decode() for reply in replies if reply.status_code == 200)


@pytest.mark.slow
@pytest.mark.parametrize("who", CAST)
def test_what_the_pages_tell_and_what_they_keep(stage, who):
    text = pages_about(stage, who)
    found = {fact for fact, (words, _) in FACTS.items() if words in text}
    expected = {fact for fact, (_, readers) in FACTS.items() if who in readers}
    assert found == expected


def test_a_helpdesk_sees_names_only_after_a_reveal_that_is_written_down(stage):
    browser = stage.browser("helpdesk")
    reply = browser.post(reverse("reveal", args=[stage.room.slug]))
    assert "Paula Present" in reply.content.decode()
    assert AuditEntry.objects.get(action="names:reveal").actor == stage.people["helpdesk"]


def state_shown(stage: Stage, who: str) -> bool:
    """Whether this person reads on the room's page what is on in it."""
    return 'class="state' in stage.browser(who).get(stage.room.get_absolute_url()).content.decode()


def test_participation_ends_with_the_call(stage):
    assert state_shown(stage, "participant")
    apply_conference(stage.space, None, seen_at=timezone.now())
    assert not state_shown(stage, "participant")


def test_participation_ends_with_leaving(stage):
    now = timezone.now()
    there = stage.call.participants.exclude(google_id="").get()
    gone = Participation(
        name=there.name,
        kind=there.kind,
        google_id=there.google_id,
        joined_at=there.joined_at,
        left_at=now,
    )
    apply_participants(stage.call, [gone], counted_at=now)
    assert Participation.objects.filter(google_id=there.google_id).exists(), "kept for history only"
    assert not state_shown(stage, "participant")


def test_participation_in_the_last_call_is_none_in_the_next(stage):
    apply_conference(stage.space, "conferenceRecords/next", seen_at=timezone.now())
    assert not state_shown(stage, "participant")


def test_participation_ends_when_nobody_knows_whether_it_runs(stage):
    Space.objects.filter(pk=stage.space.pk).update(
        trouble=Space.Trouble.NOT_PERMITTED, liveness=Liveness.UNKNOWN
    )
    assert stage.call.participants.exclude(google_id="").exists(), "nobody has seen them leave"
    assert not state_shown(stage, "participant")
    person = Person.objects.get(pk=stage.people["participant"].pk)
    assert not access.rooms_where(person, Permission.CALL_SEE).exists(), "lists have the same rule"


def test_somebody_without_a_google_id_takes_part_in_nothing(stage):
    """Devices, phones and guests have no id either; an empty one must not match them."""
    Person.objects.filter(pk=stage.people["colleague"].pk).update(google_id=None)
    assert not state_shown(stage, "colleague")


def test_who_is_taken_off_the_members_sees_no_more(stage):
    assert state_shown(stage, "member")
    Member.objects.all().delete()
    assert not state_shown(stage, "member")


# --- Filters, counters and orders tell nothing more ------------------------------------------------------------


@pytest.fixture
def many(stage: Stage) -> list[Room]:
    """Rooms in every state, in two buildings, some of them the owner's, one with the participant in it."""
    now = timezone.now()
    owner, participant = stage.people["owner"], stage.people["participant"]
    made = []
    for index in range(12):
        building = stage.berlin if index % 2 else stage.munich
        owners = (owner,) if index % 5 == 0 else ()
        room = factories.make_room(f"Hall {index:02}", building=building, owners=owners)
        assert room.space is not None
        kind = index % 4
        if kind == 1:
            factories.make_call(room.space, people=(participant,) if index == 5 else (), devices=1, guests=1)
        elif kind == 2:
            factories.make_call(room.space, devices=2, ago=timedelta(hours=index))
        elif kind == 3:
            Space.objects.filter(pk=room.space.pk).update(
                liveness=Liveness.UNKNOWN, seen_at=now - timedelta(hours=index)
            )
        if index % 3 == 0:
            Space.objects.filter(pk=room.space.pk).update(code_confirmed_at=now - timedelta(days=330))
        made.append(room)
    made.append(factories.make_room("Hall none", with_space=False))
    return made


def rooms_in(reply: Any) -> list[int]:
    """The rooms of a page, in their order."""
    return [int(key) for key in re.findall(r'<tr id="room-(\d+)"', reply.content.decode())]


def counters_in(reply: Any) -> list[str]:
    return re.findall(r"<b>(\d+)</b>", reply.content.decode())


SEEING = [
    "colleague",
    "participant",
    "member",
    "owner",
    "deputy",
    "helpdesk",
    "admin",
    "berlin_admin",
    "munich_admin",
]


@pytest.mark.slow
@pytest.mark.parametrize("who", SEEING)
def test_filters_and_counters_are_what_counting_by_hand_gives(stage, many, who):
    person = Person.objects.get(pk=stage.people[who].pk)
    now = timezone.now()
    seen: dict[str, set[int]] = {state: set() for state in STATES if state}
    people = 0
    for room in Room.objects.select_related("space__account", "space__conference"):
        if room.space is None:
            seen["none"].add(room.pk)
        elif access.can(person, Permission.CALL_SEE, room):
            state = room.state
            seen[state].add(room.pk)
            if state == "stuck":
                seen["live"].add(room.pk)
            if state in {"stuck", "live"} and room.space.conference:
                call = room.space.conference
                people += call.people_in
            if room.space.code_is_ageing(now):
                seen["ageing"].add(room.pk)
    browser = stage.browser(who)
    for state, expected in seen.items():
        assert set(rooms_in(browser.get(f"/?state={state}"))) == expected, state
    shown = counters_in(browser.get("/"))
    assert shown.pop(4) == str(people)
    order = ("live", "stuck", "unknown", "ageing", "idle", "none")
    assert shown == [str(len(seen[state])) for state in order]


def fingerprint(stage: Stage, who: str) -> list[Any]:
    """Which rooms stand where, and all numbers, under every filter and order."""
    browser = stage.browser(who)
    found: list[Any] = []
    for query in (
        *(f"state={state}" for state in STATES),
        *(f"sort={sort}" for sort in SORTS),
        "state=live&sort=since",
        "tv=1",
    ):
        reply = browser.get(f"/?{query}")
        groups = re.findall(r'id="group-([a-z-]+)">(.*?)</tr>', reply.content.decode(), flags=re.DOTALL)
        found.append((query, rooms_in(reply), counters_in(reply), groups))
    found += [rooms_in(browser.get(f"/lookup/?q={text}")) for text in ("hall", "berlin", "munich")]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("who", ["colleague", "participant", "member", "owner", "deputy", "munich_admin"])
def test_nothing_changes_for_somebody_when_calls_they_may_not_see_begin_or_end(stage, many, who):
    """If an order, a filter or a number moved, it would tell of the call."""
    person = Person.objects.get(pk=stage.people[who].pk)
    before = fingerprint(stage, who)
    changed = 0
    for room in Room.objects.exclude(space=None).select_related("space"):
        space = room.space
        if space is None or access.can(person, Permission.CALL_SEE, room):
            continue
        changed += 1
        if space.liveness == Liveness.ACTIVE:
            apply_conference(space, None, seen_at=timezone.now())
        else:
            Space.objects.filter(pk=space.pk).update(seen_at=None)
            space.refresh_from_db()
            factories.make_call(space, devices=2, ago=timedelta(hours=changed))
    assert changed > 3
    assert fingerprint(stage, who) == before


def test_the_trail_of_a_limited_admin_is_that_of_their_rooms(stage):
    AuditEntry.objects.create(action="people:manage", actor_name="x", target="secret-target")
    texts = {
        who: stage.browser(who).get("/audit/").content.decode()
        for who in ("admin", "berlin_admin", "munich_admin")
    }
    assert {who for who, text in texts.items() if "audited words" in text} == {"admin", "berlin_admin"}
    assert {who for who, text in texts.items() if "secret-target" in text} == {"admin"}


def test_people_see_their_own_google_account_and_admins_all(stage):
    mine = factories.make_account("own@example.com", kind="consented", person=stage.people["owner"])
    for who, sees_mine, sees_mailbox in (
        ("owner", True, False),
        ("colleague", False, False),
        ("helpdesk", False, False),
        ("berlin_admin", False, False),
        ("admin", True, True),
    ):
        text = stage.browser(who).get("/google/").content.decode()
        assert (mine.email in text) is sees_mine, who
        assert ("rooms-ber@example.com" in text) is sees_mailbox, who


# --- A constant number of queries ---------------------------------------------------------------------------------

QUERIES = {
    "overview": ("/", 13),
    "overview, filtered": ("/?building=BER&q=hall&state=live", 18),
    "overview by name": ("/?sort=name", 13),
    "overview of a colleague": ("/", 13),
    "wall": ("/?tv=1", 8),
    "mine": ("/mine/", 5),
    "people": ("/people/", 10),
    "audit": ("/audit/", 6),
    "lookup": ("/lookup/?q=hall", 10),
    "accounts": ("/google/", 5),
    "system": ("/system/", 10),
    "system of a helpdesk": ("/system/", 9),
    "metrics": ("/metrics", 11),
}


def one_more(number: int, admin: Person, site: Building) -> None:
    """A row for each of the lists."""
    person = factories.make_person(role=Role.ADMIN)
    person.buildings.set([site])
    room = factories.make_room(f"Hall {number}", building=site, owners=(admin, person), deputies=())
    room_space = room.space
    assert room_space is not None
    factories.make_call(room_space, people=(person,), devices=1)
    AuditEntry.objects.create(
        action="room:edit", actor=person, actor_name="x", room=room, target="x", before={}, after={}
    )
    factories.make_account(f"rooms-{number}@example.com", person=person)


@pytest.mark.parametrize("name", QUERIES)
def test_lists_take_the_same_number_of_queries_whatever_their_length(admin, helpdesk, colleague, name):
    url, expected = QUERIES[name]
    site = factories.make_building()
    browser = Client()
    who = {"colleague": colleague, "helpdesk": helpdesk}
    browser.force_login(who.get(name.rpartition(" of a ")[2], admin))
    counts = []
    # One room alone is shown by lookup as a whole answer, so its list begins with two.
    for wanted in (2, 4) if name == "lookup" else (1, 3):
        while Room.objects.count() < wanted:
            one_more(Room.objects.count(), admin, site)
        browser.get(url)  # the session is warm
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(url).status_code == 200
        counts.append(len(queries))
    assert counts == [expected, expected], [query["sql"] for query in queries.captured_queries]


def test_an_admin_of_some_buildings_is_not_told_that_only_admins_may(stage):
    """They are one. What they cannot do for another reason keeps its own sentence."""
    admin = stage.people["munich_admin"]
    with pytest.raises(access.NotAllowed) as refusal:
        access.require(admin, Permission.ROOM_EDIT, stage.room)
    assert refusal.value.message == Message("not_allowed.outside", {"why": Message("not_allowed.room:edit")})
    with pytest.raises(access.NotAllowed) as refusal:
        access.require(admin, Permission.NAMES_REVEAL, stage.room)
    assert refusal.value.code == "not_allowed.names:reveal"
    with pytest.raises(access.NotAllowed) as refusal:
        access.require(stage.people["colleague"], Permission.ROOM_EDIT, stage.room)
    assert refusal.value.code == "not_allowed.room:edit"
