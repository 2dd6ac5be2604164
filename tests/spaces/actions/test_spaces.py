"""Creating, adopting, configuring and reading spaces, against the simulator."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spaces.access import NotAllowed
from spaces.actions import spaces
from spaces.audit import ActionRejected
from spaces.google.errors import GoogleError, OutcomeUnknown, TryLater
from spaces.google.meet import MeetClient
from spaces.message import Message
from spaces.models import Account, AuditEntry, Person, Role, Room, Space
from spaces.models.sentences import pack, unpack
from spaces.models.spaces import Liveness
from spaces.sync import clients
from spaces.sync.apply.spaces import apply_google_state, apply_refused_settings
from tests import factories
from tests.support.rooms import (
    BERLIN,
    MUNICH,
    asked,
    fault,
    forget_requests,
    known_room,
    only_entry,
    settings_at_google,
    space_at_google,
    space_of,
    start_call,
)
from tests.support.simulator import SimulatorProcess

PRESENT = "moderationRestrictions.presentRestriction"
CHAT = "moderationRestrictions.chatRestriction"


@pytest.fixture
def bare(db: None) -> Room:
    """A room of Berlin without a link."""
    return factories.make_room("Berlin 3.14", with_space=False)


@pytest.fixture
def berlin(db: None) -> Account:
    """Owns Berlin's spaces."""
    return factories.make_account(BERLIN)


@pytest.fixture
def munich(db: None) -> Account:
    """Owns Munich's spaces."""
    return factories.make_account(MUNICH)


def spaces_at_google(google: SimulatorProcess) -> int:
    return len(google.world()["spaces"])


def test_a_link_that_another_room_was_given_in_the_same_moment(bare):
    link, former = factories.make_space(), factories.make_space()
    factories.make_room("Berlin 4.01", space=link)
    Room.objects.filter(pk=bare.pk).update(space=former)
    with pytest.raises(ActionRejected, match=r"link\.taken_meanwhile"):
        spaces.assign(bare, link)
    assert space_of(bare) == former
    former.refresh_from_db()
    assert former.retired_at is None


def test_an_admin_of_a_building_uses_nobodys_own_account(google, bare, berlin, owner):
    """It would be done in a colleague's name, with a consent given for something else."""
    limited = factories.make_person("berlin-admin@example.com", role=Role.ADMIN)
    limited.buildings.set([bare.building])
    private = factories.make_account(owner.email, kind=Account.Kind.CONSENTED, person=owner)
    made = space_at_google(google)
    forget_requests(google)
    for attempt in (
        lambda: create(bare, private, limited),
        lambda: spaces.adopt(room=bare, text=made["meetingCode"], account=private, reason="", actor=limited),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert asked(google) == {}
    assert not AuditEntry.objects.exists()
    create(bare, berlin, limited)
    assert space_of(bare).account == berlin


# --- Create ---------------------------------------------------------------------------------------


def create(room: Room, account: Account, actor: Person, **more: Any) -> Any:
    more = {"wanted": {}, "reason": "New room"} | more
    return spaces.create(room=room, account=account, actor=actor, **more)


def test_creating_gives_the_room_a_link_with_the_settings_asked_for(google, bare, berlin, admin):
    wanted = {"accessType": "RESTRICTED", "moderation": "ON", PRESENT: "HOSTS_ONLY"}
    outcome = create(bare, berlin, admin, wanted=wanted)
    space = space_of(bare)
    assert outcome.message == Message("link.created", {"room": "Berlin 3.14", "code": space.meeting_code})
    assert (space.account, space.owned, space.origin) == (berlin, True, Space.Origin.OURS)
    assert {path: space.settings[path] for path in wanted} == wanted
    held = settings_at_google(google, space.name)
    assert held["accessType"] == "RESTRICTED"
    assert held["moderationRestrictions"]["presentRestriction"] == "HOSTS_ONLY"
    assert held["moderationRestrictions"]["chatRestriction"] == "NO_RESTRICTION"
    assert space.liveness == Liveness.IDLE
    assert len(space.phone_access) == 2
    entry = only_entry()
    assert (entry.action, entry.outcome, entry.reason) == ("space:create", "done", "New room")
    assert entry.space_name == space.name
    assert entry.before == {"space": None, "settings": wanted}
    assert asked(google)["spaces.create"] == 1


def test_what_google_did_not_take_is_told(google, bare, berlin, admin):
    """Host controls have no effect while host management is off: the reply is believed, not the wish."""
    outcome = create(bare, berlin, admin, wanted={"moderation": "OFF", PRESENT: "HOSTS_ONLY"})
    assert (outcome.code, outcome.level) == ("link.created_partly", "warning")
    assert outcome.params["names"] == ("Who may share the screen",)
    assert space_of(bare).settings[PRESENT] == "NO_RESTRICTION"
    assert only_entry().detail == Message("settings.refused", {"names": ("Who may share the screen",)})
    assert space_of(bare).refused[PRESENT]["why"] == pack(Message("setting.no_effect"))


def test_the_space_before_is_kept_in_the_rooms_history(google, admin):
    room = known_room(google)
    earlier = space_of(room)
    create(room, earlier.account, admin)
    earlier.refresh_from_db()
    assert earlier.former_room == room
    assert earlier.retired_at is not None
    assert space_of(room).name != earlier.name
    assert room.space == space_of(room)
    entry = only_entry()
    assert (entry.before or {})["space"] == earlier.name
    assert (entry.after or {})["space"] == space_of(room).name


def test_two_links_for_one_room_at_once_leave_one_and_the_other_in_its_history(google, bare, berlin, admin):
    """Else the earlier one belongs to no room, and is asked about for ever."""
    twin = Room.objects.get(pk=bare.pk)
    create(bare, berlin, admin)
    first = space_of(bare)
    create(twin, berlin, admin)
    first.refresh_from_db()
    assert (first.former_room, first.retired_at is None) == (bare, False)
    assert space_of(bare) != first


def test_the_same_form_twice_creates_one_space(google, bare, berlin, admin):
    before = spaces_at_google(google)
    create(bare, berlin, admin, key="the-key-of-this-form")
    made = space_of(bare).name
    again = create(bare, berlin, admin, key="the-key-of-this-form")
    assert again.code.startswith("request.duplicate")
    assert spaces_at_google(google) == before + 1
    assert asked(google)["spaces.create"] == 1
    assert space_of(bare).name == made


@pytest.mark.parametrize("order", [{"status": 500}, {"kind": "timeout"}, {"kind": "truncated"}])
def test_an_unclear_answer_says_what_may_have_happened(google, bare, berlin, admin, order):
    before = spaces_at_google(google)
    fault(google, "spaces.create", after=True, **order)
    with pytest.raises(OutcomeUnknown) as trouble:
        create(bare, berlin, admin)
    assert trouble.value.sentence.code == "link.creation_unknown"
    assert spaces_at_google(google) == before + 1
    assert asked(google)["spaces.create"] == 1
    bare.refresh_from_db()
    assert bare.space is None
    assert only_entry().outcome == AuditEntry.Outcome.UNKNOWN


def test_google_away_creates_nothing(google, bare, berlin, admin):
    before = spaces_at_google(google)
    fault(google, "spaces.create", status=503)
    with pytest.raises(TryLater):
        create(bare, berlin, admin)
    assert spaces_at_google(google) == before
    assert only_entry().outcome == AuditEntry.Outcome.FAILED


@pytest.mark.parametrize("who", ["owner", "helpdesk", "participant", "colleague"])
def test_only_admins_create_and_adopt(google, request, who):
    person = request.getfixturevalue(who)
    owned = request.getfixturevalue("owner")
    room = factories.make_room(owners=(owned,))
    account = factories.make_account()
    with pytest.raises(NotAllowed):
        create(room, account, person)
    with pytest.raises(NotAllowed):
        adopt(room, "abc-mnop-xyz", person)
    assert asked(google) == {}
    assert not AuditEntry.objects.exists()


def test_an_unknown_setting_is_a_mistake_of_the_program_and_sends_nothing(google, bare, berlin, admin):
    with pytest.raises(ValueError, match="no setting"):
        create(bare, berlin, admin, wanted={"colour": "blue"})
    assert asked(google) == {}


# --- Adopt ----------------------------------------------------------------------------------------


def adopt(room: Room, text: str, actor: Person, **more: Any) -> Any:
    more = {"account": None, "reason": "", **more}
    return spaces.adopt(room=room, text=text, actor=actor, **more)


PASTED = {
    "code": "{code}",
    "capitals without dashes": "{bare}",
    "link": "https://meet.google.com/{code}?authuser=1",
    "invitation": "Sync\nVideo call link: https://meet.google.com/{code}\nPIN: 197 071 273 00#",
    "name": "{name}",
}


@pytest.mark.parametrize("shape", PASTED)
def test_adopting_by_whatever_was_pasted(google, bare, berlin, munich, admin, shape):
    made = space_at_google(google, owner=MUNICH)
    code = made["meetingCode"]
    text = PASTED[shape].format(code=code, bare=code.replace("-", "").upper(), name=made["name"])
    outcome = adopt(bare, text, admin)
    assert outcome.message == Message("link.adopted", {"room": "Berlin 3.14", "code": code})
    space = space_of(bare)
    assert space.name == made["name"]
    assert (space.account, space.owned, space.origin) == (munich, True, Space.Origin.OURS)
    assert space.settings["accessType"] == "TRUSTED"
    assert only_entry().after == {"space": space.name, "code": code, "origin": "ours"}


@pytest.fixture
def limited(bare: Room) -> Person:
    """An admin of Berlin only."""
    person = factories.make_person("berlin-admin@example.com", role=Role.ADMIN)
    person.buildings.set([bare.building])
    return person


def munichs_former_link(google: SimulatorProcess) -> Space:
    """A link that was in a room of Munich until it was replaced; a call is on in it."""
    room = known_room(google, account=MUNICH, name="Munich 1.01")
    former = space_of(room)
    Room.objects.filter(pk=room.pk).update(building=factories.make_building("MUC"))
    room.refresh_from_db()
    start_call(google, room)
    spaces.assign(room, factories.make_space(account=factories.make_account(MUNICH)))
    former.refresh_from_db()
    assert former.former_room == room
    return former


@pytest.mark.parametrize("shape", ["code", "name"])
@pytest.mark.parametrize("owner", ["named", "found"])
def test_an_admin_of_a_building_takes_no_former_link_of_another(
    google, bare, berlin, munich, limited, admin, shape, owner
):
    """With the link its running call, its participants and its PINs would come along."""
    former = munichs_former_link(google)
    # The account has links in Berlin, too, so that it is open to this admin.
    factories.make_room(space=factories.make_space(account=munich))
    text = former.meeting_code if shape == "code" else former.name
    account = munich if owner == "named" else None
    with pytest.raises(ActionRejected, match=r"link\.from_other_building"):
        adopt(bare, text, limited, account=account)
    bare.refresh_from_db()
    former.refresh_from_db()
    assert bare.space is None
    assert former.former_room is not None
    assert AuditEntry.objects.filter(action="space:adopt").get().outcome == "refused"
    adopt(bare, text, admin)
    assert space_of(bare) == former


def test_an_admin_of_a_building_is_offered_its_accounts_and_unused_ones(
    google, bare, berlin, munich, limited
):
    shared, own = (
        factories.make_account("rooms-all@example.com"),
        factories.make_account(limited.handle, kind=Account.Kind.CONSENTED, person=limited),
    )
    munich_room = factories.make_room(
        building=factories.make_building("MUC"), space=factories.make_space(account=munich)
    )
    factories.make_room(building=munich_room.building, space=factories.make_space(account=shared))
    factories.make_space(account=shared, former_room=bare)
    unused = factories.make_account("rooms-new@example.com")
    assert set(clients.owners_for(limited)) == {berlin, shared, unused, own}
    for attempt in (
        lambda: create(bare, munich, limited),
        lambda: adopt(bare, "abc-mnop-xyz", limited, account=munich),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert asked(google) == {}


def test_an_admin_of_a_building_does_not_ask_the_accounts_of_others(google, bare, berlin, munich, limited):
    factories.make_room(building=factories.make_building("MUC"), space=factories.make_space(account=munich))
    made = space_at_google(google, owner=MUNICH)
    forget_requests(google)
    outcome = adopt(bare, made["meetingCode"], limited)
    assert MUNICH not in google.control("GET", "requests")["by_account"]
    assert outcome.code == "link.adopted_not_owned"


def test_the_owner_that_was_named_is_the_only_one_asked(google, bare, berlin, munich, admin):
    made = space_at_google(google, owner=MUNICH)
    adopt(bare, made["meetingCode"], admin, account=munich)
    assert set(google.control("GET", "requests")["by_account"]) == {MUNICH}


def test_a_space_made_elsewhere_is_taken_and_said_to_be_so(google, bare, berlin, admin):
    made = space_at_google(google, project="meet")
    outcome = adopt(bare, made["meetingCode"], admin)
    assert (outcome.code, outcome.level) == ("link.adopted_made_elsewhere", "warning")
    assert space_of(bare).origin == Space.Origin.FOREIGN
    assert space_of(bare).owned is True
    assert space_of(bare).can_be_ended is False


def test_a_space_of_somebody_else_is_a_link_and_no_more(google, bare, berlin, admin):
    made = space_at_google(google, owner="engineer-01@example.com", project="meet")
    outcome = adopt(bare, made["meetingCode"], admin)
    assert outcome.code == "link.adopted_not_owned"
    space = space_of(bare)
    assert (space.owned, space.origin, space.liveness) == (False, "untested", Liveness.UNKNOWN)
    bare.refresh_from_db()
    assert bare.state == "unknown"
    assert space.settings == {}


def test_the_link_of_another_room_is_refused(google, bare, berlin, admin):
    room = known_room(google, name="Berlin 1.01")
    code = space_of(room).meeting_code
    with pytest.raises(ActionRejected) as rejection:
        adopt(bare, code, admin)
    assert rejection.value.message == Message("link.taken", {"room": "Berlin 1.01", "building": "Berlin"})
    bare.refresh_from_db()
    assert bare.space is None
    assert only_entry().outcome == AuditEntry.Outcome.REFUSED


def test_a_code_that_nobody_knows(google, bare, berlin, munich, admin):
    with pytest.raises(ActionRejected, match=r"link\.hidden"):
        adopt(bare, "zzz-zzzz-zzz", admin)
    assert asked(google)["spaces.get"] >= 2
    assert only_entry().outcome == AuditEntry.Outcome.REFUSED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://meet.google.com/lookup/team-sync", "nickname"),
        ("https://g.co/meet/team-sync", "nickname"),
        ("+49 30 300195061 PIN: 197 071 273 00#", "phone number"),
        ("https://zoom.us/j/91234567890", "Zoom"),
        ("https://meet.google.com/new", "belongs to no call"),
        ("abc-mnop-xyz and def-mnop-xyz", "more than one"),
        ("https://meet.google.com/abc-mnop-xyz https://meet.google.com/def-mnop-xyz", "more than one"),
        ("the kitchen upstairs", "No Meet link or code found"),
    ],
)
def test_what_is_no_code_is_refused_with_its_reason_and_nobody_is_asked(
    google, bare, berlin, admin, text, words
):
    with pytest.raises(ActionRejected, match=r"lookup\.not_a_code") as rejection:
        adopt(bare, text, admin)
    assert asked(google) == {}
    assert words in rejection.value.params["why"]
    assert only_entry().detail == rejection.value.message


def test_without_any_account_nobody_can_be_asked(google, bare, admin):
    with pytest.raises(ActionRejected, match=r"account\.none_connected"):
        adopt(bare, "abc-mnop-xyz", admin)
    assert asked(google) == {}


def test_google_away_is_not_a_dead_code(google, bare, berlin, admin):
    fault(google, "spaces.get", status=503)
    with pytest.raises(TryLater):
        adopt(bare, "abc-mnop-xyz", admin)
    assert only_entry().outcome == AuditEntry.Outcome.FAILED


def test_a_failing_account_does_not_hide_the_owner(google, bare, berlin, munich, admin):
    made = space_at_google(google, owner=MUNICH)
    fault(google, "spaces.get", status=503, account=BERLIN)
    adopt(bare, made["meetingCode"], admin)
    assert space_of(bare).account == munich


def test_a_retired_link_can_come_back(google, berlin, admin):
    room = known_room(google)
    first = space_of(room)
    create(room, berlin, admin)
    adopt(room, first.meeting_code, admin)
    assert space_of(room) == first
    first.refresh_from_db()
    assert (first.former_room, first.retired_at) == (None, None)
    assert Space.objects.filter(former_room=room).count() == 1


# --- Configure --------------------------------------------------------------------------------------


@pytest.fixture
def room(google: SimulatorProcess, owner: Person) -> Room:
    """room-owner's room with a space of ours."""
    return known_room(google, owners=(owner,), name="Berlin 3.14")


def configure(room: Room, wanted: dict[str, str], actor: Person, **more: Any) -> Any:
    more = {"seen": dict(space_of(room).settings), "reason": "Policy"} | more
    return spaces.configure(room=room, wanted=wanted, actor=actor, **more)


def patch_of_google(google: SimulatorProcess, room: Room, config: dict[str, Any], mask: str) -> None:
    """Somebody changes settings in Google's own pages."""
    name = space_of(room).name
    status, _ = google.call(
        "PATCH", f"/v2/{name}?updateMask={mask}", {"config": config}, token=google.token(BERLIN)
    )
    assert status == 200
    forget_requests(google)


def test_only_what_differs_is_sent(google, room, owner):
    patch_of_google(google, room, {"attendanceReportGenerationType": "GENERATE_REPORT"}, "config.attendanceReportGenerationType")  # fmt: skip
    outcome = configure(room, {"accessType": "OPEN", "moderation": "OFF"}, owner)
    assert (outcome.code, outcome.params) == ("settings.saved", {"room": "Berlin 3.14"})
    held = settings_at_google(google, space_of(room).name)
    assert held["accessType"] == "OPEN"
    assert held["attendanceReportGenerationType"] == "GENERATE_REPORT"  # not named, so not touched
    entry = only_entry()
    assert (entry.before, entry.after) == ({"accessType": "TRUSTED"}, {"accessType": "OPEN"})
    assert (entry.outcome, entry.reason) == ("done", "Policy")
    assert space_of(room).settings["accessType"] == "OPEN"
    assert asked(google)["spaces.patch"] == 1


def test_what_somebody_changed_meanwhile_is_not_overwritten(google, room, owner):
    patch_of_google(google, room, {"accessType": "RESTRICTED"}, "config.accessType")
    with pytest.raises(ActionRejected) as rejection:
        configure(room, {"accessType": "OPEN"}, owner)
    assert rejection.value.message == Message(
        "settings.changed", {"names": ("Who may join without knocking",)}
    )
    assert settings_at_google(google, space_of(room).name)["accessType"] == "RESTRICTED"
    assert "spaces.patch" not in asked(google)
    assert space_of(room).settings["accessType"] == "RESTRICTED"  # what holds now is shown
    assert only_entry().outcome == AuditEntry.Outcome.REFUSED


def test_a_change_elsewhere_that_nobody_touches_is_no_conflict(google, room, owner):
    patch_of_google(google, room, {"accessType": "RESTRICTED"}, "config.accessType")
    configure(room, {"accessType": "TRUSTED", "moderation": "ON"}, owner)
    held = settings_at_google(google, space_of(room).name)
    assert (held["accessType"], held["moderation"]) == ("RESTRICTED", "ON")


def test_a_reading_that_overlaps_with_a_change_does_not_undo_it(google, room, owner, monkeypatch):
    """A sweep asks after we began to change, and is answered before Google has changed anything."""
    change = MeetClient.patch_space

    def overtaken(client: MeetClient, name: str, send: dict[str, str]) -> Any:
        apply_google_state(space_of(room), client.get_space(name), seen_at=timezone.now())
        return change(client, name, send)

    monkeypatch.setattr(MeetClient, "patch_space", overtaken)
    outcome = configure(room, {"accessType": "OPEN"}, owner)
    assert (outcome.code, outcome.params) == ("settings.saved", {"room": "Berlin 3.14"})
    assert (space_of(room).settings["accessType"], space_of(room).refused) == ("OPEN", {})


def test_what_google_took_is_told_though_somebody_has_read_again_since(google, room, owner, monkeypatch):
    change = MeetClient.patch_space

    def read_again(client: MeetClient, name: str, send: dict[str, str]) -> Any:
        reply = change(client, name, send)
        apply_google_state(
            space_of(room), client.get_space(name), seen_at=timezone.now() + timedelta(seconds=5)
        )
        return reply

    monkeypatch.setattr(MeetClient, "patch_space", read_again)
    outcome = configure(room, {"accessType": "OPEN"}, owner)
    assert (outcome.code, outcome.params) == ("settings.saved", {"room": "Berlin 3.14"})
    assert (only_entry().after, space_of(room).refused) == ({"accessType": "OPEN"}, {})


def test_refusals_remembered_by_two_at_once_are_both_kept(db):
    space = factories.make_space()
    twin = Space.objects.get(pk=space.pk)
    apply_refused_settings(space, {"accessType": "OPEN"}, {"accessType": "a rule"})
    apply_refused_settings(twin, {CHAT: "HOSTS_ONLY"}, {CHAT: "another rule"})
    space.refresh_from_db()
    assert set(space.refused) == {"accessType", CHAT}


def test_switching_host_management_off_resets_its_controls(google, room, owner):
    configure(room, {"moderation": "ON", PRESENT: "HOSTS_ONLY"}, owner)
    assert space_of(room).settings[PRESENT] == "HOSTS_ONLY"
    configure(room, {"moderation": "OFF", PRESENT: "HOSTS_ONLY"}, owner)
    assert space_of(room).settings[PRESENT] == "NO_RESTRICTION"
    assert settings_at_google(google, space_of(room).name)["moderation"] == "OFF"


def test_a_host_control_brings_host_management_along(google, room, owner):
    configure(room, {CHAT: "HOSTS_ONLY", "moderation": "ON"}, owner)
    assert space_of(room).settings["moderation"] == "ON"
    assert space_of(room).settings[CHAT] == "HOSTS_ONLY"


def test_settings_refused_together_are_told_one_by_one(google, room, owner):
    fault(google, "spaces.patch", status=400, times=2)  # all together, then the first of the two alone
    outcome = configure(
        room, {"accessType": "OPEN", "attendanceReportGenerationType": "GENERATE_REPORT"}, owner
    )
    assert (outcome.code, outcome.level) == ("settings.saved_partly", "warning")
    assert [name.params["name"] for name in outcome.params["names"]] == ["Who may join without knocking"]
    assert outcome.params["names"][0].params["why"].startswith("Google refused what was sent")
    assert space_of(room).settings["accessType"] == "TRUSTED"
    assert space_of(room).settings["attendanceReportGenerationType"] == "GENERATE_REPORT"
    assert only_entry().outcome == AuditEntry.Outcome.DONE
    assert only_entry().result_code == "settings.refused"
    assert asked(google)["spaces.patch"] == 3


def test_what_google_refused_is_remembered_with_its_reason_until_google_takes_it(google, room, owner):
    wanted = {"accessType": "OPEN", "attendanceReportGenerationType": "GENERATE_REPORT"}
    fault(google, "spaces.patch", status=400, times=2)
    configure(room, wanted, owner)
    kept = space_of(room).refused
    assert list(kept) == ["accessType"]
    assert kept["accessType"]["wanted"] == "OPEN"
    assert unpack(kept["accessType"]["why"]).startswith("Google refused what was sent")
    configure(room, {"attendanceReportGenerationType": "DO_NOT_GENERATE"}, owner)
    assert list(space_of(room).refused) == ["accessType"]  # nobody asked for it again
    configure(room, {"accessType": "OPEN"}, owner)
    assert space_of(room).refused == {}


@pytest.mark.parametrize(
    "wanted", [{"accessType": "OPEN"}, {"accessType": "OPEN", "entryPointAccess": "CREATOR_APP_ONLY"}]
)
def test_a_refusal_of_everything_is_remembered_too(google, room, owner, wanted):
    fault(google, "spaces.patch", status=400, times=0)
    with pytest.raises(GoogleError):
        configure(room, wanted, owner)
    assert set(space_of(room).refused) == set(wanted)


def test_all_refused_is_refused(google, room, owner):
    fault(google, "spaces.patch", status=400, times=0)
    with pytest.raises(GoogleError):
        configure(room, {"accessType": "OPEN", "attendanceReportGenerationType": "GENERATE_REPORT"}, owner)
    assert space_of(room).settings["accessType"] == "TRUSTED"
    assert only_entry().outcome in {AuditEntry.Outcome.FAILED, AuditEntry.Outcome.REFUSED}


def test_nothing_to_save_sends_nothing(google, room, owner):
    outcome = configure(room, {"accessType": "TRUSTED", "moderation": "OFF"}, owner)
    assert outcome.code == "settings.unchanged"
    assert "spaces.patch" not in asked(google)
    assert only_entry().outcome == AuditEntry.Outcome.ALREADY


def test_an_unclear_answer_to_a_patch_is_unknown_and_not_repeated(google, room, owner):
    fault(google, "spaces.patch", status=500)
    with pytest.raises(OutcomeUnknown):
        configure(room, {"accessType": "OPEN"}, owner)
    assert asked(google)["spaces.patch"] == 1
    assert only_entry().outcome == AuditEntry.Outcome.UNKNOWN


def test_the_same_settings_form_twice_saves_once(google, room, owner):
    configure(room, {"accessType": "OPEN"}, owner, key="the-key-of-this-form")
    again = configure(room, {"accessType": "TRUSTED"}, owner, key="the-key-of-this-form")
    assert again.code.startswith("request.duplicate")
    assert asked(google)["spaces.patch"] == 1
    assert settings_at_google(google, space_of(room).name)["accessType"] == "OPEN"


@pytest.mark.parametrize("who", ["helpdesk", "participant", "colleague"])
def test_without_the_right_no_setting_is_read_or_changed(google, room, request, who):
    with pytest.raises(NotAllowed):
        configure(room, {"accessType": "OPEN"}, request.getfixturevalue(who))
    assert asked(google) == {}
    assert not AuditEntry.objects.exists()


def test_a_space_nobody_of_us_owns_is_not_configured(google, owner):
    room = factories.make_room(space=factories.make_space(owned=False), owners=(owner,))
    with pytest.raises(ActionRejected, match=r"settings\.not_owned"):
        configure(room, {"accessType": "OPEN"}, owner)
    assert asked(google) == {}


# --- A code where an id is needed ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["abc-mnop-xyz", "ABC-MNOP-XYZ", "spaces/", "https://meet.google.com/x"])
def test_a_code_where_an_id_is_needed_never_reaches_google(google, owner, admin, name):
    """Google lets only `get` take a code; anything else under a code could hit a space that got the code since."""
    room = factories.make_room(space=factories.make_space(name=name), owners=(owner,))
    for act in (
        lambda: spaces.refresh(room=room, actor=owner),
        lambda: configure(room, {"accessType": "OPEN"}, owner),
    ):
        with pytest.raises(ValueError, match="space name"):
            act()
    assert {method for method in asked(google) if method != "token"} == set()


# --- Refresh --------------------------------------------------------------------------------


def test_refresh_reads_code_settings_members_call_and_heads(google, room, owner, admin):
    status, _ = google.call(
        "POST",
        f"/v2/{space_of(room).name}/members",
        {"email": "participant@example.com", "role": "COHOST"},
        token=google.token(BERLIN),
    )
    assert status == 200
    google.control("POST", "codes", {"space": space_of(room).name, "meeting_code": "new-code-new"})
    record = start_call(google, room, {"guest": "A"}, {"guest": "B"}, ago=3600, seen=False)
    before = timezone.now()
    outcome = spaces.refresh(room=room, actor=owner)
    assert outcome.code == "room.refreshed"
    space = space_of(room)
    assert space.meeting_code == "new-code-new"
    assert space.past_codes.count() == 1
    assert list(space.members.values_list("email", "role")) == [("participant@example.com", "COHOST")]
    assert space.conference is not None
    assert (space.conference.record, space.conference.guests) == (record, 2)
    assert space.conference.started_at is not None
    assert space.seen_at is not None
    assert space.seen_at >= before
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("order", [{"status": 503}, {"kind": "garbage"}, {"kind": "truncated"}])
def test_a_passing_failure_leaves_what_was_known(google, room, owner, order):
    before = space_of(room)
    fault(google, "spaces.get", **order)
    with pytest.raises(TryLater):
        spaces.refresh(room=room, actor=owner)
    after = space_of(room)
    assert (after.trouble, after.liveness, after.seen_at) == ("", before.liveness, before.seen_at)


@pytest.mark.parametrize(("who", "may"), [("helpdesk", True), ("participant", False), ("colleague", False)])
def test_who_may_refresh(google, room, request, who, may):
    person = request.getfixturevalue(who)
    if may:
        spaces.refresh(room=room, actor=person)
    else:
        with pytest.raises(NotAllowed):
            spaces.refresh(room=room, actor=person)
        assert asked(google) == {}
