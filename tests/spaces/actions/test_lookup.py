"""Lookup: every verdict, from whatever was pasted, without asking Google."""

from datetime import timedelta

import pytest
from django.utils import timezone

from spaces.access import NotAllowed
from spaces.actions import lookup
from spaces.audit import ActionRejected
from spaces.google.errors import TryLater
from spaces.message import Message
from spaces.models import Account, Person, Role, Room, Space
from spaces.sync import clients
from tests import factories
from tests.support.rooms import (
    BERLIN,
    MUNICH,
    asked,
    fault,
    forget_requests,
    known_room,
    space_at_google,
    space_of,
    start_call,
)

CODE = "abc-mnop-xyz"


@pytest.fixture
def room(owner: Person) -> Room:
    """room-owner's room with the link abc-mnop-xyz."""
    return factories.make_room("3.14", slug="berlin-3-14", owners=(owner,), space=factories.make_space(CODE))


def find(text: str, actor: Person) -> lookup.Answer:
    return lookup.find(text=text, actor=actor)


PASTED = [
    (CODE, "ours"),
    ("ABCMNOPXYZ", "ours"),
    ("https://meet.google.com/abc-mnop-xyz?authuser=1&hs=122", "ours"),
    ("  meet.google.com/ABC-MNOP-XYZ\n", "ours"),
    ("Video call link: https://meet.google.com/abc-mnop-xyz\nOr dial: +49 30 1 PIN: 123 456#", "ours"),
    ("zzz-zzzz-zzz", "unknown"),
    ("https://meet.google.com/zzz-zzzz-zzz", "unknown"),
    ("zzzzzzzzzz", "unknown"),
    ("https://meet.google.com/lookup/team-sync", "not_a_code"),
    ("+49 30 300195061 PIN: 197 071 273 00#", "not_a_code"),
    ("https://zoom.us/j/91234567890", "not_a_code"),
    ("https://meet.google.com/new", "not_a_code"),
    ("abc-mnop-xyz or def-mnop-xyz", "ours"),
    ("https://meet.google.com/abc-mnop-xyz or https://meet.google.com/def-mnop-xyz", "not_a_code"),
    ("3.14", "rooms"),
    ("berlin", "rooms"),
    ("room-owner@example.com", "rooms"),
    ("nowhere at all", "nothing"),
    ("a b c m n o p x y z", "ours"),
    ("http://127.0.0.1:8000/r/berlin-3-14", "rooms"),
    ("127.0.0.1:8000/rooms/berlin-3-14/?tab=audit", "rooms"),
    ("/r/Berlin-3-14", "rooms"),
    ("https://rooms.elsewhere.example/r/berlin-3-14", "not_a_code"),
    ("http://127.0.0.1:8000/r/berlin-4", "nothing"),
    ("room 3.14 is blocked", "rooms"),
    ("Berlin3.14", "rooms"),
    ("room 4.1 is blocked", "nothing"),
    ("", "empty"),
    ("   \n ", "empty"),
]


@pytest.mark.parametrize(("text", "verdict"), PASTED)
def test_every_paste_gets_its_verdict(google, room, colleague, text, verdict):
    answer = find(text, colleague)
    assert answer.verdict == verdict
    assert bool(answer.message) is (verdict != "empty")
    assert list(answer.rooms) == ([room] if verdict in {"ours", "rooms"} else [])
    assert asked(google) == {}


def test_rooms_in_the_archive_are_nobodys_misheard_code(room: Room, helpdesk: Person) -> None:
    Room.objects.update(archived_at=timezone.now())
    assert not find("abc-mnop-xyd", helpdesk).near


def test_address_without_rooms_is_named_in_the_answer(room: Room, helpdesk: Person) -> None:
    answer = find("participant@example.com", helpdesk)
    assert answer.verdict == "nothing"
    assert answer.message == Message("lookup.owns_nothing", {"text": "participant@example.com"})


def test_a_space_name_is_found_too(room, colleague):
    assert find(room.space.name, colleague).rooms == [room]


def test_a_word_of_ten_letters_is_a_room_before_it_is_a_code(room, colleague):
    kitchen = factories.make_room("Auditorium")
    assert find("auditorium", colleague).rooms == [kitchen]
    assert find("https://meet.google.com/aud-itor-ium", colleague).verdict == "unknown"


def test_an_old_code_of_the_space_leads_to_the_new_one(room, colleague):
    room.space.past_codes.create(code="old-code-old")
    answer = find("old-code-old", colleague)
    assert (answer.verdict, answer.rooms) == ("former", [room])
    assert isinstance(answer.message, Message)
    assert (answer.message.code, answer.message.params["room"]) == ("lookup.old_code", "3.14")
    assert answer.message.params["now"].params["code"] == CODE


def test_a_former_space_leads_to_its_room(room, colleague):
    Space.objects.create(
        name="spaces/former",
        meeting_code="for-merl-ink",
        account=factories.make_account(),
        former_room=room,
        retired_at=timezone.now(),
    )
    answer = find("for-merl-ink", colleague)
    assert (answer.verdict, answer.rooms) == ("former", [room])
    assert isinstance(answer.message, Message)
    assert (answer.message.code, answer.message.params["room"]) == ("lookup.old_link", "3.14")


def test_a_code_that_google_gave_to_another_room_means_that_room(room, colleague):
    other = factories.make_room("Other")
    other.space.past_codes.create(code=CODE)  # type: ignore[union-attr]
    assert find(CODE, colleague).rooms == [room]


@pytest.mark.parametrize("in_use", [True, False])
def test_a_code_that_two_links_are_known_by_means_the_one_seen_with_it_last(room, colleague, in_use):
    """Until the other one is read again: Google has given its dead code to a new link."""
    seen_at = timezone.now() - timedelta(days=400)
    Space.objects.filter(pk=room.space.pk).update(code_confirmed_at=seen_at, name="spaces/aaa")
    other = factories.make_room("Other", space=factories.make_space(CODE, name="spaces/zzz"))
    if not in_use:
        for one in (room, other):
            Space.objects.filter(room=one).update(former_room=one, retired_at=timezone.now())
        Room.objects.update(space=None)
    assert find(CODE, colleague).rooms == [other]


def test_an_archived_room_is_nobodys_business_but_the_admins(room, colleague, helpdesk, admin):
    Room.objects.filter(pk=room.pk).update(archived_at=timezone.now())
    for person in (colleague, helpdesk):
        assert find(CODE, person).verdict == "unknown"
        assert find("3.14", person).verdict == "nothing"
    assert find(CODE, admin).rooms == [room]


def test_many_rooms_are_counted_and_the_first_shown(db, colleague):
    for number in range(23):
        factories.make_room(f"Hall {number:02}")
    answer = find("hall", colleague)
    assert len(answer.rooms) == lookup.MOST_ROOMS
    assert (answer.more, answer.message) == (
        23 - lookup.MOST_ROOMS,
        Message("lookup.rooms_match", {"n": 23}),
    )
    assert answer.rooms[0].name == "Hall 00"


@pytest.mark.parametrize("text", ["%", "_", "'", '"', "\\", "a" * 300, "🦉", "<b>", "spaces/", "spaces/ä"])
def test_odd_texts_are_answered_calmly(room, colleague, text):
    assert find(text, colleague).verdict in {"nothing", "not_a_code"}


# --- Asking Google -----------------------------------------------------------------------------------------


def ask(text: str, actor: Person) -> lookup.Word:
    return lookup.ask_google(text=text, actor=actor)


@pytest.fixture
def accounts(db: None) -> list[Account]:
    """Both mailboxes."""
    return [factories.make_account(BERLIN), factories.make_account(MUNICH)]


def test_a_space_of_our_accounts_that_is_no_room_yet(google, accounts, helpdesk):
    made = space_at_google(google, owner=MUNICH)
    word = ask(made["meetingCode"], helpdesk)
    assert (word.message.code, word.message.params["account"]) == ("lookup.account_idle", MUNICH)
    assert word.account == accounts[1]
    google.start_conference(made["name"], {"guest": "A"})
    assert ask(made["name"], helpdesk).message.code == "lookup.account_call"


def test_a_colleagues_own_account_is_neither_asked_nor_named_for_somebody_else(
    google, accounts, admin, helpdesk, owner
):
    own = factories.make_account(owner.email, kind=Account.Kind.CONSENTED, person=owner)
    made = space_at_google(google, owner=owner.email)
    assert owner.email not in str(ask(made["meetingCode"], helpdesk).message)
    assert asked(google)["spaces.get"] == len(accounts)
    assert set(clients.usable_for(helpdesk)) == set(accounts)
    assert set(clients.usable_for(admin)) == {*accounts, own}


def test_somebodys_own_meeting(google, accounts, helpdesk):
    made = space_at_google(google, owner="engineer-01@example.com", project="meet")
    word = ask(made["meetingCode"], helpdesk)
    assert word.message.code == "lookup.somebody_elses"
    assert word.account is None


def test_a_code_that_now_belongs_to_a_space_we_know_under_another(google, accounts, admin):
    room = known_room(google, name="Berlin 3.14")
    Account.objects.filter(email=BERLIN).update(status=Account.Status.BROKEN)  # only a stranger can be asked
    google.control("POST", "codes", {"space": space_of(room).name, "meeting_code": "new-code-new"})
    word = ask("new-code-new", admin)
    assert (word.message.code, word.message.params["room"]) == ("lookup.code_moved", "Berlin 3.14")


def test_a_code_google_shows_nobody(google, accounts, helpdesk):
    word = ask("zzz-zzzz-zzz", helpdesk)
    assert word.message.code == "lookup.google_hides"
    assert asked(google)["spaces.get"] == 2  # one read an account


def test_google_away_is_said_as_such(google, accounts, helpdesk):
    fault(google, "spaces.get", status=503, times=0)
    with pytest.raises(TryLater):
        ask("zzz-zzzz-zzz", helpdesk)


def test_without_accounts_there_is_nobody_to_ask(google, helpdesk):
    with pytest.raises(ActionRejected, match=r"account\.none_connected"):
        ask("zzz-zzzz-zzz", helpdesk)


@pytest.mark.parametrize("text", ["https://zoom.us/j/1", "https://g.co/meet/x", "hello there", ""])
def test_what_is_no_code_is_not_asked(google, accounts, helpdesk, text):
    with pytest.raises(ActionRejected):
        ask(text, helpdesk)
    assert asked(google) == {}


@pytest.mark.parametrize("who", ["colleague", "owner", "participant"])
def test_only_it_staff_ask_google(google, accounts, request, who):
    with pytest.raises(NotAllowed):
        ask("zzz-zzzz-zzz", request.getfixturevalue(who))
    assert asked(google) == {}


def test_asking_writes_nothing_about_rooms(google, accounts, helpdesk):
    room = known_room(google)
    start_call(google, room, seen=False)
    forget_requests(google)
    before = Space.objects.values().get()
    ask(space_of(room).meeting_code, helpdesk)
    assert Space.objects.values().get() == before


def test_an_admin_of_other_buildings_learns_nothing_of_a_rooms_calls_by_its_code(google, accounts, helpdesk):
    room = known_room(google, name="Berlin 1")
    start_call(google, room)
    limited = factories.make_person("munich-admin@example.com", role=Role.ADMIN)
    limited.buildings.set([factories.make_building("MUC")])
    for text in (space_of(room).meeting_code, space_of(room).name):
        word = ask(text, limited)
        assert word.message == Message("lookup.room_hidden_call")
        seen = ask(text, helpdesk).message
        assert (seen.code, seen.params["room"]) == ("lookup.room_call", "Berlin 1")
    Room.objects.update(archived_at=timezone.now())
    assert "Berlin 1" not in str(ask(space_of(room).meeting_code, helpdesk).message)
