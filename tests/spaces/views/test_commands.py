"""The command bar offers what this person may do here, and nothing else."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from spaces.models import Room
from tests import factories

HTMX = {"HX-Request": "true"}


@pytest.fixture
def spree(admin, owner) -> Room:
    """A room with a stuck call."""
    room = factories.make_room(
        "Spree", slug="spree", owners=(owner,), space=factories.make_space("abc-mnop-xyz")
    )
    assert room.space
    factories.make_call(room.space, devices=2, ago=timedelta(hours=5))
    return room


def offered(reply: Any) -> list[str]:
    """The lines of the bar, in order."""
    found = re.search(r'id="found".*', reply.content.decode(), flags=re.DOTALL)
    assert found
    return re.findall(r"<span>([^<]+)</span>", found.group(0).split("</ul>")[0])


def ask(browser: Client, **query: str) -> list[str]:
    return offered(browser.get(reverse("commands"), query, headers=HTMX))


def test_what_may_be_done_with_the_room_at_hand_depends_on_who_asks(
    spree, admin, owner, helpdesk, colleague, sign_in
):
    everybody = ["Copy the code of Spree", "Copy the link of Spree", "Join Spree"]
    ends, refreshes = "End the call in Spree…", "Refresh Spree"
    expected = {
        colleague: everybody,
        helpdesk: [*everybody, refreshes],
        owner: [ends, *everybody, refreshes, "Settings of Spree…"],
        admin: [ends, *everybody, refreshes, "Settings of Spree…", "Edit Spree…"],
    }
    for person, lines in expected.items():
        found = [one for one in ask(sign_in(person), at="spree") if "Spree" in one]
        assert found == lines, person.email


def test_a_room_without_a_link_is_offered_one_by_those_who_may_make_it(admin, owner, sign_in):
    factories.make_room("Attic", slug="attic", owners=(owner,), with_space=False)
    found = {who: [one for one in ask(sign_in(who), at="attic") if "Attic" in one] for who in (admin, owner)}
    assert found == {admin: ["Create a link for Attic…", "Edit Attic…"], owner: []}


def test_pages_that_may_not_be_opened_are_not_offered(spree, colleague, admin, sign_in):
    assert "People" not in ask(sign_in(colleague))
    assert {"People", "Audit", "Add room", "Wall mode"} <= set(ask(sign_in(admin)))


def test_words_find_rooms_pages_and_always_a_lookup(spree, colleague, sign_in):
    factories.make_room("Old Spree")
    browser = sign_in(colleague)
    assert ask(browser, q="spr") == ["Spree", "Old Spree", "Look up “spr”"]
    assert ask(browser, q="loo") == ["Lookup", "Look up “loo”"]
    assert ask(browser, q="zzz") == ["Look up “zzz”"]


def test_one_room_comes_with_what_may_be_done(spree, owner, sign_in):
    assert ask(sign_in(owner), q="spree")[:2] == ["Spree", "End the call in Spree…"]


@pytest.mark.parametrize("pasted", ["abc-mnop-xyz", "https://meet.google.com/abc-mnop-xyz?authuser=1"])
def test_a_pasted_code_goes_to_its_verdict(spree, colleague, sign_in, pasted):
    reply = sign_in(colleague).get(reverse("commands"), {"q": pasted}, headers=HTMX)
    assert offered(reply)[0] == f"Look up “{pasted}”"
    assert 'href="/lookup/?q=' in reply.content.decode()


def test_a_state_that_may_not_be_known_is_not_told(spree, colleague, owner, sign_in):
    def shown(person: Any) -> bool:
        reply = sign_in(person).get(reverse("commands"), {"q": "spree"}, headers=HTMX)
        return 'class="state stuck"' in reply.content.decode()

    assert shown(owner)
    assert not shown(colleague)


def test_the_selection_is_offered_while_rooms_are_ticked(spree, admin, sign_in):
    assert "Copy the codes of 3 selected" in ask(sign_in(admin), selected="3")
    assert not [one for one in ask(sign_in(admin), selected="x") if "selected" in one]


def test_it_is_a_page_without_javascript(spree, colleague, sign_in):
    reply = sign_in(colleague).get(reverse("commands"), {"q": "spree"})
    assert "<html" in reply.content.decode()
    assert "Spree" in offered(reply)


def test_any_number_of_rooms_costs_the_same(admin):
    browser = Client()
    browser.force_login(admin)
    counts = []
    for wanted in (2, 6):
        while Room.objects.count() < wanted:
            factories.make_room(f"Hall {Room.objects.count()}")
        with CaptureQueriesContext(connection) as queries:
            ask(browser, q="hall")
        counts.append(len(queries))
    assert counts[0] == counts[1]
