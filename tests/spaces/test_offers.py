"""What can be done with a room now, and why not: by state and by person."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from spaces import access
from spaces.access import Permission
from spaces.models import Person, Room, Space
from spaces.offers import RULES, Act, Offers, offers
from spaces.templatetags.offer_text import WHY, why_not
from spaces.views.rows import row
from tests import factories


@pytest.fixture
def room(owner: Person) -> Room:
    """A room of the owner with an idle link."""
    return factories.room_in("idle", owner)


STATES = ("live", "stuck", "idle", "none", "foreign", "not owned", "ageing", "dead", "unknown", "broken")

# state: main act of admin, owner, helpdesk, colleague
MAIN = """
live        end      end      join     copy
stuck       end      end      join     copy
idle        copy     copy     copy     copy
none        create   -        -        -
foreign     replace  join     join     copy
not-owned   replace  refresh  refresh  copy
ageing      replace  copy     copy     copy
dead        replace  refresh  refresh  copy
unknown     refresh  refresh  refresh  copy
broken      account  refresh  refresh  copy
"""

# state: why admin, owner, helpdesk, colleague cannot end; - where it is possible
END = """
live        -              -              not_permitted  not_permitted
stuck       -              -              not_permitted  not_permitted
idle        no_call        no_call        not_permitted  not_permitted
none        no_call        no_call        not_permitted  not_permitted
foreign     made_elsewhere made_elsewhere not_permitted  not_permitted
not-owned   no_call        no_call        not_permitted  not_permitted
"""


def table(text: str) -> list[tuple[str, list[str]]]:
    """Return state and cells of each line; "-" stands for nothing."""
    lines = (line.split() for line in text.strip().splitlines())
    return [
        (state.replace("-", " "), [cell.strip("-") if cell == "-" else cell for cell in cells])
        for state, *cells in lines
    ]


@pytest.mark.parametrize(("state", "expected"), table(MAIN))
def test_main_act_follows_from_state_and_permissions(state, expected, admin, owner, helpdesk, colleague):
    room, now = factories.room_in(state, owner), timezone.now()
    assert [offers(room, who).main(now) for who in (admin, owner, helpdesk, colleague)] == expected


@pytest.mark.parametrize(("state", "expected"), table(END))
def test_end_names_the_reason_why_it_is_not_possible(state, expected, admin, owner, helpdesk, colleague):
    room, _now = factories.room_in(state, owner), timezone.now()
    found = [offers(room, who)[Act.END].why for who in (admin, owner, helpdesk, colleague)]
    assert found == expected


def test_end_is_refused_by_google_when_no_account_owns_the_link(room, owner):
    assert room.space is not None
    factories.make_call(room.space)
    Space.objects.filter(pk=room.space.pk).update(owned=False)
    room = Room.objects.for_pages().get(pk=room.pk)
    ending = offers(room, owner)[Act.END]
    assert (ending.why, ending.refused_by_google) == ("not_owned", True)


@pytest.mark.parametrize("state", STATES)
def test_offers_depend_on_nothing_that_a_colleague_may_not_see(state, colleague):
    """All rooms with a link look the same to somebody who may not see their calls."""
    given = offers(factories.room_in(state, None), colleague)
    possible = {act for act in Act if given[act].possible}
    assert possible == (set() if state == "none" else {Act.JOIN, Act.COPY, Act.COPY_CODE})
    assert given.state == ("none" if state == "none" else "hidden")
    assert given.call is None


@pytest.mark.parametrize("state", STATES)
def test_rows_and_pages_get_the_same_offers(state, admin, owner, helpdesk, colleague):
    room, now = factories.room_in(state, owner), timezone.now()
    for who in (admin, owner, helpdesk, colleague):
        on_page, in_row = offers(room, who), row(room, who, now).offers
        for act in set(Act) - {Act.ACCOUNT}:  # a list shows nothing about accounts
            assert on_page[act] == in_row[act], (act, who.role)


def test_no_offer_is_possible_without_a_permission_that_its_action_asks_for(owner):
    room, _now = factories.room_in("live", owner), timezone.now()
    nobody = Offers(room, frozenset(), room.state)
    assert {act for act in Act if nobody[act].possible} == {Act.JOIN, Act.COPY, Act.COPY_CODE}


def test_reveal_is_for_those_who_do_not_see_the_names_anyway(owner, helpdesk):
    room, _now = factories.room_in("live", owner), timezone.now()
    assert offers(room, helpdesk)[Act.REVEAL].possible
    everything = Offers(room, frozenset(Permission), room.state)
    assert everything[Act.REVEAL].why == "names_shown"


def test_restore_is_offered_for_an_archived_room_only(room, admin):
    now = timezone.now()
    assert offers(room, admin)[Act.RESTORE].why == "in_use"
    Room.objects.filter(pk=room.pk).update(archived_at=now)
    room.refresh_from_db()
    assert offers(room, admin)[Act.RESTORE].possible


def test_every_act_has_a_rule_and_every_reason_a_sentence(admin, colleague):
    assert set(RULES) == set(Act)
    seen = set()
    rooms = [factories.room_in(state, None) for state in STATES]
    not_owned = factories.make_space(owned=False)
    rooms.append(factories.make_room(space=not_owned))
    factories.make_call(not_owned)
    rooms[-1].refresh_from_db()
    for room in rooms:
        for may in (frozenset[Permission](), frozenset(Permission)):
            for act in Act:
                offer = Offers(room, may, room.state)[act]
                seen.add(offer.why)
                assert bool(why_not(offer)) is not offer.possible
    assert seen == {"", "not_permitted", *WHY}


def test_refusal_of_a_permission_says_who_may(room, colleague):
    given = offers(room, colleague)
    assert why_not(given[Act.SETTINGS]) == str(access.not_allowed(Permission.SETTINGS_CHANGE))


def test_a_call_that_cannot_be_ended_names_its_reason_among_own_rooms(owner, sign_in):
    room = factories.room_in("live", owner)
    assert room.space is not None
    Space.objects.filter(pk=room.space.pk).update(owned=False)
    text = sign_in(owner).get(reverse("mine")).content.decode()
    assert str(WHY["not_owned"]) in text
    assert str(WHY["made_elsewhere"]) not in text


def test_ageing_code_is_replaced_only_by_those_who_may_create_links(admin, owner):
    now = timezone.now()
    room = factories.room_in("idle", owner)
    later = now + timedelta(days=310)
    assert offers(room, admin).main(now) == Act.COPY
    assert offers(room, admin).main(later) == Act.REPLACE
    assert offers(room, owner).main(later) == Act.COPY
