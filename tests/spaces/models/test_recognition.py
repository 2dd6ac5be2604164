"""Who is who in a call: the rules in a table."""

import unicodedata

import pytest

from spaces.models import Participant
from spaces.models.recognition import (
    NOTE_TAKERS,
    Identity,
    Kind,
    Known,
    Recognised,
    RoomNames,
    Seen,
    barest,
    candidates,
    index,
    patterns,
    recognise,
    words,
)

BERLIN = RoomNames(
    1, "Berlin 1.01", "Berlin", "BER", "1", device_name="Kit 7 Straße", resource_name="", here=True
)
HOYHEN = RoomNames(2, "Höyhen", "Hakaniemi", "HAK", "7", resource_name="HAK-7-Höyhen (4) [TV]")
ADA = RoomNames(3, "Ada", "Munich", "MUC", "2")
KNOWN = Known(
    people=frozenset({"900"}),
    identities={
        "101": Identity(is_device=True, room=1, confirmed=True),
        "102": Identity(is_device=False, confirmed=True),
        "103": Identity(is_device=True, room=2),
        "104": Identity(is_device=None, room=1),
        "900": Identity(is_device=True, room=1),
    },
    names=index([BERLIN, HOYHEN, ADA]),
    bots=patterns(["default", "Acme Recorder"]),
)


def signed_in(name: str, google_id: str = "555") -> Recognised:
    return recognise(Seen("signed_in", google_id, name), KNOWN)


@pytest.mark.parametrize(
    ("name", "room"),
    [
        ("Berlin 1.01", 1),
        ("berlin  1.01 ", 1),
        ("Berlin\u00a01.01", 1),
        ("Berlin\u200b 1.01", 1),
        ("Berlin1.01", 1),
        ("Berlin 1\u20101", None),  # another room's number
        ("BERLIN 1.01", 1),
        ("Ｂｅｒｌｉｎ １.０１", 1),
        ("Berlin 1-01", 1),
        ("Berlin – 1.01", 1),
        ("1.01 Berlin", 1),
        ("BER 1.01", 1),
        ("BER-1-Berlin 1.01", 1),
        ("BER-1-Berlin 1.01 (8) [Zoom, Whiteboard]", 1),
        ("BER‑1‑Berlin 1.01 (8)", 1),
        ("ANNEX-1-Berlin 1.01 (8) [Zoom]", 1),  # the Directory may call the building otherwise
        ("Berlin 1.01 device", 1),
        ("Berlin 1.01 Meet", 1),
        ("Google Berlin 1.01", None),
        ("kit 7 strasse", 1),
        ("KIT 7 STRASSE", 1),
        (unicodedata.normalize("NFD", "Kit 7 Straße"), 1),
        ("Berlin 10.1", None),
        ("Berlin 11.01", None),
        ("Berlin 1.011", None),
        (unicodedata.normalize("NFD", "Hakaniemi Höyhen"), 2),
        ("HAK-7-Höyhen (4) [TV]", 2),
        ("Munich Ada", 3),
        ("Ada", None),  # a room elsewhere is named as people are
        ("Ada Lovelace", None),
        ("Anna Schmidt", None),
        ("", None),
        ("…", None),
    ],
)
def test_signed_in_account_is_a_device_by_its_name_alone(name, room):
    found = signed_in(name)
    assert (found.kind, found.room) == ((Kind.DEVICE, room) if room else (Kind.PERSON, None))
    assert found.evidence == ("name" if room else "unknown")


@pytest.mark.parametrize(
    ("google_id", "name", "expected"),
    [
        ("101", "Anna Schmidt", (Kind.DEVICE, "confirmed", 1)),
        ("102", "Berlin 1.01", (Kind.PERSON, "confirmed", None)),
        ("102", "Otter.ai", (Kind.PERSON, "confirmed", None)),
        ("103", "Renamed since", (Kind.DEVICE, "name", 2)),
        ("104", "Berlin 1.01", (Kind.DEVICE, "name", 1)),
        ("900", "Berlin 1.01", (Kind.PERSON, "confirmed", None)),  # signs in here
        ("", "Berlin 1.01", (Kind.DEVICE, "name", 1)),
    ],
)
def test_what_is_known_about_a_google_id_outranks_the_name(google_id, name, expected):
    found = signed_in(name, google_id)
    assert (found.kind, found.evidence, found.room) == expected


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("phone", "Berlin 1.01", Kind.PHONE),
        ("phone", "Otter.ai", Kind.PHONE),
        ("guest", "Berlin 1.01 device", Kind.DEVICE),  # through another system
        ("guest", "Ada", Kind.GUEST),
        ("guest", "Visitor", Kind.GUEST),
        ("guest", "Otter.ai", Kind.BOT),
        ("deviceUser", "", Kind.GUEST),  # a kind that Google has added since
    ],
)
def test_phones_and_guests(kind, name, expected):
    assert recognise(Seen(kind, "", name), KNOWN).kind == expected


def test_a_room_named_like_a_bot_keeps_its_device():
    known = Known(names=index([RoomNames(1, "Otter", here=True)]), bots=patterns(["default"]))
    assert recognise(Seen("signed_in", "1", "Otter"), known).kind == Kind.DEVICE


@pytest.mark.parametrize(
    "name",
    [
        "Otter.ai", "OTTER.AI", "Karl's OtterPilot", "Otter Notetaker", "OtterNotetaker", "Otter", "Fireflies.ai Notetaker Anna", "Fred Fireflies",
        "fireflies", "read.ai meeting notes", "Read AI", "tl;dv", "tl;dv Recorder", "tldv", "Fathom", "Anna's Fathom Notetaker", "Avoma Assistant",
        "Grain Bot", "Notes by Grain", "Sembly AI", "MeetGeek AI Notetaker", "Supernormal", "Krisp", "Krisp Notetaker", "Notta Bot", "Airgram",
        "Zoom AI Companion", "AI\u00a0Note\u200b Taker", "Meeting assistant (unverified)", "acme recorder 2",
    ],
)  # fmt: skip
def test_bots_are_told_by_their_names(name):
    assert recognise(Seen("guest", "", name), KNOWN).kind == Kind.BOT
    assert signed_in(name).kind == Kind.BOT


@pytest.mark.parametrize(
    "name", ["Karl Otter", "Theo Bot", "Anna Grain", "Mary Fathom", "Ai Noto", "Reader Aitken", "Notta Sjöberg", ""]
)  # fmt: skip
def test_people_with_similar_names_are_no_bots(name):
    assert recognise(Seen("guest", "", name), KNOWN).kind == Kind.GUEST


def test_configured_bot_names_replace_the_built_in_list_unless_it_is_named():
    assert patterns(["Acme  Recorder", "=Max", " "]) == ("acme recorder", "=max")
    assert patterns(["default", "Acme"])[-1] == "acme"
    assert len(patterns(["default"])) <= len(NOTE_TAKERS)
    known = Known(bots=patterns(["=Max"]))
    assert recognise(Seen("guest", "", "MAX"), known).kind == Kind.BOT
    assert recognise(Seen("guest", "", "Max Muster"), known).kind == Kind.GUEST
    assert recognise(Seen("guest", "", "Otter.ai"), known).kind == Kind.GUEST


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("chromebox-7f3a", True),
        ("Series One Board", True),
        ("Konferenz Nord", True),
        ("Saal 3", True),
        ("Berlin 1.01 left", True),
        ("Neptun 3.07", True),
        ("SN-7f3a", True),
        ("Engineer 01", False),
        ("Anna Schmidt", False),
        ("Roomer Tester", False),
        ("", False),
    ],
)
def test_somebody_is_asked_about_accounts_that_look_like_devices(name, ask):
    assert signed_in(name).ask is ask
    assert signed_in(name, "").ask is False, "Without a Google id an answer could not be remembered."
    assert signed_in(name, "102").ask is False, "It was answered."
    assert recognise(Seen("guest", "", name), KNOWN).ask is False


def test_the_kinds_are_those_that_are_stored():
    assert {str(one) for one in Kind} == set(Participant.Kind.values)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Höyhen", "HAK-7-Höyhen (4) [TV]"),
        ("HAK-7-Höyhen (4) [TV]", "Höyhen"),
        ("Berlin 1.01", "Berlin1.01device"),
        ("Berlin 1.01 device", "Berlin 1.01"),
        ("Berlin 1.01", "BER 1 Berlin 1.01"),
        ("1.01", "Berlin 1.01 Meet"),
    ],
)
def test_the_database_finds_rooms_by_what_is_stored(stored, shown):
    assert barest(stored) in candidates([shown])


def test_long_and_odd_names_cost_little_and_fit_the_column():
    name = "ﷺ" * 300 + "(" * 500
    assert len(words(name)) <= 400
    assert len(candidates(["a " * 5000])) < 60
