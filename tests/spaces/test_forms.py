"""Forms check the shape of what is sent."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict

from spaces.forms import (
    KEEP,
    AdoptForm,
    ConfigureForm,
    CreateSpaceForm,
    EndForm,
    FilterForm,
    LookupForm,
    PeopleField,
    PersonForm,
    RoomForm,
    SettingsForm,
    new_key,
)
from spaces.google import codes, config
from spaces.models import Account, Building
from tests import factories

pytestmark = pytest.mark.django_db
KEY = "k" * 24
CURRENT = {"accessType": "TRUSTED", "moderation": "OFF"}


def test_keys_are_new_each_time_and_hard_to_guess():
    assert len({new_key() for _ in range(100)}) == 100
    assert len(new_key()) >= 32


@pytest.mark.parametrize("key", ["", "short", "x" * 65])
def test_a_form_without_its_key_is_not_taken(key):
    assert not AdoptForm({"text": "abc-mnop-xyz", "key": key}, accounts=Account.objects.usable()).is_valid()


def test_a_bound_form_keeps_its_key_so_that_a_corrected_form_is_the_same_attempt():
    form = AdoptForm({"text": "", "key": KEY}, accounts=Account.objects.usable())
    assert not form.is_valid()
    assert form["key"].value() == KEY


def test_adopt_form_takes_what_the_reader_takes():
    accounts = Account.objects.usable()
    longest = "x" * codes.LONGEST_INPUT
    assert AdoptForm({"text": longest, "key": KEY}, accounts=accounts).is_valid()
    assert not AdoptForm({"text": longest + "x", "key": KEY}, accounts=accounts).is_valid()


def test_every_setting_has_its_field_and_nothing_else_is_a_setting():
    form = SettingsForm(current=CURRENT)
    fields = {name.replace("__", ".") for name in form.fields} - {"key", "reason", "sure"}
    assert fields == {setting.path for setting in config.CATALOGUE}
    grouped = [setting.path for _, lines in form.groups() for setting, _ in lines]
    assert sorted(grouped) == sorted(fields)


def test_a_value_that_google_invented_later_is_a_choice_and_selected():
    current = {**CURRENT, "accessType": "ORGANIZATION_AND_GUESTS"}
    form = ConfigureForm(current=current)
    assert ("ORGANIZATION_AND_GUESTS", "ORGANIZATION_AND_GUESTS") in form["accessType"].field.choices  # type: ignore[attr-defined]
    assert form["accessType"].value() == "ORGANIZATION_AND_GUESTS"
    seen = json.dumps(current)
    data = {"key": KEY, "seen": seen, "accessType": "ORGANIZATION_AND_GUESTS", "moderation": "ON"}
    form = ConfigureForm(data, current=current)
    assert form.is_valid(), form.errors
    assert config.to_send(form.cleaned_data["seen"], form.wanted) == {"moderation": "ON"}


def test_a_value_that_nobody_offers_is_no_choice():
    form = ConfigureForm({"key": KEY, "seen": "{}", "accessType": "ORGANIZATION_AND_GUESTS"}, current=CURRENT)
    assert "accessType" in form.errors


def test_only_chosen_settings_are_wanted():
    form = SettingsForm(
        {"key": KEY, "accessType": "OPEN", "moderation": "", "entryPointAccess": KEEP}, current=CURRENT
    )
    assert form.is_valid(), form.errors
    assert form.wanted == {"accessType": "OPEN"}


def test_a_value_google_does_not_know_is_not_taken():
    assert not SettingsForm({"key": KEY, "accessType": "WIDE_OPEN"}, current=CURRENT).is_valid()


def test_a_new_space_may_leave_everything_to_the_organisation():
    account = factories.make_account()
    form = CreateSpaceForm(
        {"key": KEY, "account": account.pk}, current={}, new=True, accounts=Account.objects.usable()
    )
    assert form.is_valid(), form.errors
    assert form.wanted == {}


def test_a_broken_account_is_not_offered():
    broken = factories.make_account(status="broken")
    assert not CreateSpaceForm(
        {"key": KEY, "account": broken.pk}, current={}, new=True, accounts=Account.objects.usable()
    ).is_valid()
    assert not AdoptForm(
        {"key": KEY, "text": "x", "account": broken.pk}, accounts=Account.objects.usable()
    ).is_valid()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('{"accessType": "OPEN"}', {"accessType": "OPEN"}),
        ('{"accessType": "OPEN", "colour": "blue"}', {"accessType": "OPEN"}),
        ('{"accessType": "ORGANIZATION_AND_GUESTS"}', {"accessType": "ORGANIZATION_AND_GUESTS"}),
        ('{"accessType": "WI\\u0000DE"}', {}),
        ('{"accessType": 3}', {}),
        ("{}", None),
        ("[1]", None),
        ("nonsense", None),
    ],
)
def test_the_settings_as_seen_pass_with_values_of_google_s(sent, kept):
    form = ConfigureForm({"key": KEY, "seen": sent}, current=CURRENT)
    assert form.is_valid() is (kept is not None)
    if kept is not None:
        assert form.cleaned_data["seen"] == kept


@pytest.mark.parametrize(
    ("people", "sent", "valid"),
    [
        (0, {"preset": "The room is needed"}, True),
        (0, {"preset": "", "other": "because"}, True),
        (0, {"preset": "", "other": "   "}, False),
        (0, {"preset": "made up"}, False),
        (2, {"preset": "The room is needed"}, False),
        (2, {"preset": "The room is needed", "confirm": "Berlin"}, False),
        (2, {"preset": "The room is needed", "confirm": " BERLIN 3.14 "}, True),
    ],
)
def test_ending(people, sent, valid):
    room = factories.make_room("Berlin 3.14")
    form = EndForm({"key": KEY, "conference": "conferenceRecords/x", **sent}, room=room, people=people)
    assert form.is_valid() is valid, form.errors


def test_the_own_words_stand_behind_the_preset():
    room = factories.make_room()
    form = EndForm({"key": KEY, "preset": "The room is needed", "other": "mine"}, room=room, people=0)
    assert form.is_valid()
    assert form.reason == "The room is needed: mine"


PASTED_PEOPLE = [
    ("a@example.com b@example.com\tc@example.com", ("a@example.com", "b@example.com", "c@example.com")),
    ('"Adler, Ann" <A@example.com>, Bo Berg <b@example.com>;', ("a@example.com", "b@example.com")),
    ("Ann Adler <A@example.com>, Bo Berg <b@example.com>;", ("a@example.com", "b@example.com")),
    (
        "\n".join(f"owner-{n}@example.com" for n in range(300)),
        tuple(f"owner-{n}@example.com" for n in range(300)),
    ),
    ("", ()),
    ("ann@", None),
    ("Ann <>", ()),
]


@pytest.mark.parametrize(("text", "expected"), PASTED_PEOPLE, ids=lambda one: str(one)[:20])
def test_people_as_they_are_pasted(text: str, expected: tuple[str, ...] | None) -> None:
    field = PeopleField(label="")
    assert "maxlength" not in field.widget.attrs  # a browser would cut the paste, and say nothing
    if expected is None:
        with pytest.raises(ValidationError):
            field.clean(text)
    else:
        assert field.clean(text) == expected


def test_people_are_not_without_number():
    addresses = [f"engineer-{number}@example.com" for number in range(PeopleField.MOST)]
    field = PeopleField(label="")
    assert len(field.clean(", ".join(addresses))) == PeopleField.MOST
    with pytest.raises(ValidationError, match="501 addresses"):
        field.clean(", ".join([*addresses, "one-more@example.com"]))


def test_an_address_that_never_signs_in_is_named_at_its_field():
    berlin = factories.make_building()
    sent = {"key": KEY, "name": "x", "building": berlin.pk, "owners": "c_1@resource.calendar.google.com, a@example.com",
            "deputies": "somebody@gmail.com"}  # fmt: skip
    form = RoomForm(sent, buildings=Building.objects.all())
    assert not form.is_valid()
    assert "calendar address of a room" in str(form.errors["owners"])
    assert "private Google account" in str(form.errors["deputies"])


@pytest.mark.parametrize(
    ("role", "before", "ticked", "good"),
    [
        ("admin", (), ("BER",), True),
        ("helpdesk", (), ("BER",), False),
        ("colleague", ("MUC",), ("BER", "MUC"), False),
        ("helpdesk", ("BER",), ("BER",), True),
        ("helpdesk", ("BER",), (), True),
    ],
)
def test_buildings_of_a_role_are_never_dropped_in_silence(role, before, ticked, good):
    """Those just ticked are an error; those that an admin had go with the role."""
    for code in ("BER", "MUC"):
        factories.make_building(code)
    initial = {"buildings": Building.objects.filter(code__in=before)}
    form = PersonForm({"email": "a@example.com", "role": role, "buildings": list(ticked)}, initial=initial)
    assert form.is_valid() is good
    if good and role != "admin":
        assert not form.cleaned_data["buildings"]


def test_addresses_are_split_lowered_and_named_once():
    berlin = factories.make_building()
    sent = {
        "key": KEY,
        "name": "x",
        "building": berlin.pk,
        "owners": "B@example.com;a@example.com\nb@example.com,",
    }
    form = RoomForm(sent, buildings=Building.objects.all())
    assert form.is_valid(), form.errors
    assert form.facts().owners == ("b@example.com", "a@example.com")


def test_a_room_may_keep_its_own_name():
    room = factories.make_room("Berlin 3.14")
    sent = {"key": KEY, "name": "berlin 3.14", "building": room.building.pk}
    assert RoomForm(sent, room=room, buildings=Building.objects.all()).is_valid()
    assert not RoomForm(sent, buildings=Building.objects.all()).is_valid()


def test_filters_that_make_no_sense_are_left_out():
    berlin = factories.make_building()
    form = FilterForm({"q": "hall", "building": "BER", "state": "sleepy", "sort": "weird", "mine": ""})
    assert form.understood() == {"q": "hall", "building": berlin}


def test_lookup_takes_a_whole_invitation():
    form = LookupForm({"q": "x\n" * 10_000})
    assert form.is_valid()


def test_the_usual_order_is_no_filter_but_the_word_for_it_may_be_searched_for(db):
    form = FilterForm(QueryDict("q=need&sort=need&page=3"))
    assert form.query() == "q=need"


@pytest.mark.parametrize(
    ("name", "typed"),
    [("Hall  of  fame", "hall of fame"), ("Cafe\u0301", "CAF\u00c9"), ("Straße 1", "strasse 1")],
)
def test_a_rooms_name_is_typed_as_it_is_read(name, typed):
    room = factories.make_room(name)
    sent = {"key": KEY, "preset": "The room is needed"}
    assert EndForm(sent | {"confirm": typed}, room=room, people=1).is_valid()
    assert not EndForm(sent | {"confirm": "Hall"}, room=room, people=1).is_valid()


def test_who_may_not_add_buildings_is_not_asked_for_one() -> None:
    form = RoomForm(
        QueryDict(f"key={KEY}&name=3.14&new_building=Hall"),
        buildings=Building.objects.all(),
        new_buildings=False,
    )
    assert "new_building" not in form.fields
    assert list(form.errors) == ["building"]
