"""Everything that somebody can lay hands on, read from end to end: what they may not know stands nowhere in it.

`test_access.py` says who may know what. Here each of the cast goes through the whole product like somebody who is curious: every
page and part of a page, the command bar, lookups, what live pages fetch. Bodies and headers are
searched for facts about the room in Berlin, and for what belongs to one person alone.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from meetadmin.monitoring import urls as monitoring_urls
from spaces import urls
from spaces.models import Account, AuditEntry, Favourite, Person, SavedFilter, Space
from spaces.views import live
from tests import factories
from tests.spaces.test_access import CAST, CODE, FACTS, TABLE, Stage
from tests.spaces.test_access import address as address_of

pytestmark = pytest.mark.slow

# Facts besides those of test_access: words, and who finds them somewhere.
OWN = {
    "trouble of the account": ("trouble-4711", ["owner", "deputy", "admin", "berlin_admin"]),
    "somebody's saved filter": ("filter-4711", ["deputy"]),
    "somebody's own Google account": ("private-4711@example.com", ["deputy", "admin"]),
    "what was done elsewhere": ("elsewhere-4711", ["admin"]),
    "settings that were refused": ("refused-4711", ["owner", "deputy", "admin", "berlin_admin"]),
}
PIN = FACTS["PIN"][0]
STAFF = ("helpdesk", "admin", "berlin_admin", "munich_admin")
NOT_SEARCHED = {"connect_callback", "healthz", "styleguide"}
IN_PARTS = ("", "part", "rows")  # a whole page; what htmx gets; rows alone


@pytest.fixture
def stage(db: None) -> Stage:
    """The room in Berlin, its call, the cast, and what is somebody's own."""
    made = Stage()
    set_out(made)
    return made


@dataclass
class Reader:
    """Somebody who opens everything there is."""

    browser: Client
    rooms: str  # what a live page would name
    seen: set[tuple[str, str]] = field(default_factory=set)
    found: list[tuple[str, str]] = field(default_factory=list)  # where, what

    def note(self, where: str, reply: Any) -> None:
        body = reply.content.decode(errors="replace")
        if PIN in body:
            assert reply["Cache-Control"] == "no-store", f"{where} shows a PIN and may be stored"
        head = "\n".join(f"{name}: {value}" for name, value in reply.items())
        self.found.append((where, f"{head}\n{reply.cookies.output()}\n{html.unescape(body)}\n{body}"))

    def open(self, address: str) -> None:
        """Read it in all three ways."""
        for way in IN_PARTS:
            if (address, way) in self.seen or (way == "rows" and not address.startswith("/?")):
                continue
            self.seen.add((address, way))
            headers = {"HX-Request": "true"} if way else {}
            headers |= {"Live-Rooms": self.rooms} if way == "rows" else {}
            self.note(f"{address} {way}", self.browser.get(address, headers=headers))


def addresses(stage: Stage) -> Iterator[str]:
    """Every route that answers GET, and what is asked with words. That filters and orders tell nothing by their numbers and order
    is tested in test_access."""
    room = stage.room
    for method, name, _ in TABLE:
        if method == "GET" and name not in NOT_SEARCHED:
            yield address_of(name, stage)
    yield f"/people/{stage.people['owner'].pk}/"
    yield from about_the_room(stage)
    yield from ("/?sort=people", "/?state=ageing", "/?archived=on", "/?mine=on", "/audit/?q=4711")
    for words in ("4711", "Paula", "rooms-ber"):
        yield f"/lookup/?q={words}"
        yield f"/command/?q={words}&at={room.slug}&selected=2"
    yield from (f"/command/?open=1&at={room.slug}", f"/rooms/{room.slug}/end/?next=/")


def about_the_room(stage: Stage) -> Iterator[str]:
    """Where its state and its calls stand for those who may know."""
    page = stage.room.get_absolute_url()
    yield from (f"{page}?tab={tab}" for tab in ("history", "settings", "members", "audit"))
    yield from ("/", "/?state=stuck", "/?state=live", "/?state=unknown", "/?tv=1", "/mine/", "/system/")
    yield from (f"/lookup/?q={CODE}", "/lookup/?q=berlin", f"/command/?q={CODE}", "/command/?q=berlin")


def set_out(stage: Stage) -> None:
    """What is somebody's own, and a refused setting."""
    deputy = stage.people["deputy"]
    SavedFilter.objects.create(person=deputy, name="filter-4711", query="q=filter-4711")
    Favourite.objects.create(person=deputy, room=stage.room)
    factories.make_account("private-4711@example.com", kind=Account.Kind.CONSENTED, person=deputy)
    AuditEntry.objects.create(action="people:manage", actor_name="elsewhere-4711", target="x", reason="x")
    at = "2026-01-01T00:00:00+00:00"
    refused = {"accessType": {"wanted": "OPEN", "why": "refused-4711", "at": at}}
    Space.objects.filter(pk=stage.space.pk).update(refused=refused)


def break_account(stage: Stage) -> None:
    """Nobody can tell any more whether the call is on, and the account says why."""
    Account.objects.filter(pk=stage.space.account.pk).update(
        status=Account.Status.BROKEN, problem="trouble-4711: rooms-ber@example.com is suspended."
    )


@pytest.mark.parametrize("who", CAST)
def test_nobody_finds_anywhere_what_they_may_not_know(stage: Stage, who: str) -> None:
    everything = FACTS | OWN
    reader = Reader(stage.browser(who), rooms=str(stage.room.pk))
    for address in addresses(stage):
        reader.open(address)
    reader.note("selection", reader.browser.post("/selection/", {"room": stage.room.slug}))
    break_account(stage)
    reader.seen.clear()
    for address in about_the_room(stage):
        reader.open(address)
    for fact, (words, readers) in everything.items():
        # A page may say again what was asked.
        where = sorted({place for place, text in reader.found if words in text and words not in place})
        if fact == "state":
            where = [
                place for place in where if not place.startswith("/system/")
            ]  # looks the same, says other things
        if who in readers:
            assert where, f"{who} finds {fact} nowhere: the search itself is broken"
        else:
            assert not where, f"{who} finds {fact} on {where[:5]}"


def test_every_route_was_opened(stage: Stage) -> None:
    """A route that is new is searched, too, or named here."""
    opened = {one.split("?")[0] for one in addresses(stage)}
    for pattern in [*urls.urlpatterns, *monitoring_urls.urlpatterns]:
        name = str(pattern.name)
        if ("GET", name) in {(method, route) for method, route, _ in TABLE} and name not in NOT_SEARCHED:
            assert address_of(name, stage) in opened, name


@pytest.mark.parametrize("who", ["colleague", "owner", "helpdesk", "munich_admin"])
@pytest.mark.parametrize("name", ["person_switch", "disconnect", "account_test", "account_check"])
def test_what_exists_is_not_told_by_the_status(stage: Stage, name: str, who: str) -> None:
    """Counting through the numbers, nobody learns how many people and accounts there are."""
    known = stage.people["admin"].pk if name == "person_switch" else stage.space.account.pk
    browser = stage.browser(who)
    assert {browser.post(reverse(name, args=[pk])).status_code for pk in (known, 999_999)} == {403}


def test_which_room_was_seen_longest_ago_is_told_to_those_who_see_all_calls(stage: Stage) -> None:
    signs = {who: stage.room.name in stage.browser(who).get("/system/").content.decode() for who in STAFF}
    assert signs == {"helpdesk": True, "admin": True, "berlin_admin": False, "munich_admin": False}


def test_a_list_that_was_kept_for_one_is_shown_to_no_other(stage: Stage) -> None:
    """Lists are kept in the process by what they depend on (views.live). One after another in any order, each reads what they would
    read alone; so do those who read German or live by other clocks."""
    Person.objects.filter(email="deputy@example.com").update(language="de", time_zone="Asia/Tokyo")
    other = factories.make_room("Hall none", with_space=False, building=stage.munich)
    named = f"{stage.room.pk},{other.pk}"

    def forget() -> None:
        live.SHELF._kept.clear()

    def read(who: str) -> str:
        browser = stage.browser(who)
        # The last two as an open page asks that is content with what others were shown.
        ways: tuple[dict[str, str], ...] = (
            {},
            {},
            {"HX-Request": "true", "Live-Needs": "0"},
            {"HX-Request": "true", "Live-Rooms": named},
        )
        paths = ("/?sort=name", "/lookup/?q=o", "/?sort=name", "/?sort=name")
        replies = [browser.get(path, headers=way) for path, way in zip(paths, ways, strict=True)]
        text = "".join(reply.content.decode() for reply in replies)
        text = re.sub(r'name="csrfmiddlewaretoken"\s+value="[^"]+"|"X-CSRFToken": "\w+"', "", text)
        return text.replace(stage.people[who].handle, "")

    with time_machine.travel(timezone.now(), tick=False):
        for world in (lambda _: None, break_account):
            world(stage)
            alone = {}
            for who in CAST[1:10]:
                forget()
                alone[who] = read(who)
            assert len(set(alone.values())) > 4, "people of different rights read different things"
            forget()
            for who in (*CAST[1:10], *reversed(CAST[1:10])):
                assert read(who) == alone[who], who


def test_a_star_is_nobody_elses(stage: Stage) -> None:
    for who in ("deputy", "owner", "admin"):
        pressed = 'aria-pressed="true"' in stage.browser(who).get("/").content.decode()
        assert pressed is (who == "deputy"), who
