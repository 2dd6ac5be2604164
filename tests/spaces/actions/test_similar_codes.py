"""Codes with a slip in them: misheard, mistyped, a letter short."""

import pytest

from spaces.actions import lookup
from spaces.actions.similar_codes import OTHER, TOO_MUCH, cost
from spaces.models import Person, Room
from tests import factories

CODE = "eti-jbct-tln"

NEAR = [
    "etl-jbct-tin",  # i and l, twice
    "eti-jbct-tin",
    "EtI-jbct-tIn",  # capital i looks like l
    "et1-jbct-t1n",  # so does one
    "eti-jbct-tlm",  # n and m
    "edi-jpct-tln",  # t and d, b and p
    "eti-gbct-tln",  # j and g
    "eti-jbct-tlx",  # any one letter
    "xti-jbct-tln",
    "tei-jbct-tln",  # neighbours swapped
    "eti-jcbt-tln",
    "etij-bct-tln",  # groups cut elsewhere
    "eti-jbct-tl",  # one letter short
    "eti-jbt-tln",
    "eti jbct tl",
    "etijbcttl",
    "eti-jbct",  # only begun
    "ETI-j",
    "eti-jbct-tlnn",  # one too many
    "ettijbcttln",
    "https://meet.google.com/eti-jbct-tl",
    "https://meet.google.com/etl-jbct-tin?authuser=0",
    "the code is eti-jbct-tl, they say",
]
FAR = ["exi-jbct-xln", "tei-jbtc-tln", "abc-mnop-xyz", "tln-jbct-eti"]


@pytest.fixture
def room(owner: Person) -> Room:
    """A room with the code, among others."""
    for _number in range(5):
        factories.make_room()
    return factories.make_room("Munich 2.06", owners=(owner,), space=factories.make_space(CODE))


@pytest.mark.parametrize("text", NEAR)
def test_code_with_a_slip_suggests_the_room(room, helpdesk, text):
    answer = lookup.find(text=text, actor=helpdesk)
    if answer.verdict == "ours":  # read as it was meant
        assert list(answer.rooms) == [room]
    else:
        assert (answer.verdict, list(answer.near), list(answer.rooms)) == ("unknown", [room], [])


@pytest.mark.parametrize("text", FAR)
def test_code_with_more_slips_suggests_nothing(room, helpdesk, text):
    answer = lookup.find(text=text, actor=helpdesk)
    assert room not in answer.near
    assert room not in answer.rooms


def test_likeliest_code_comes_first(db, helpdesk):
    other = factories.make_room("A", space=factories.make_space("eti-jbct-tlx"))
    alike = factories.make_room("B", space=factories.make_space("eti-jbct-tlm"))
    same = factories.make_room("C", space=factories.make_space("eti-jbct-tin"))
    assert list(lookup.find(text=CODE, actor=helpdesk).near) == [same, alike, other]


@pytest.mark.parametrize("text", ["eti-jbct-tlz", "eti-jbct-tl"])
def test_archived_rooms_are_not_suggested(room, helpdesk, text):
    Room.objects.filter(pk=room.pk).update(archived_at=room.created_at)
    assert not lookup.find(text=text, actor=helpdesk).near


COSTS = [
    ("abc-mnop-xyz", "abc-mnop-xyz", 0),
    ("lll-llll-lll", "iii-iiii-iii", 0),
    ("abc-mnop-xyd", "abc-mnop-xyz", OTHER),
    ("bac-mnop-xyz", "abc-mnop-xyz", OTHER),
    ("abc-mnop-xy", "abc-mnop-xyz", OTHER),
    ("abc-mnop-zyx", "abc-mnop-xyz", 2 * OTHER),
    ("", "abc-mnop-xyz", TOO_MUCH),
]


@pytest.mark.parametrize(("said", "code", "expected"), COSTS)
def test_cost_of_slips(said, code, expected):
    assert cost(said, code) == cost(code, said) == expected
