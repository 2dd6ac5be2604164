"""How an open page asks again: for rows alone, for the whole only if it has changed, and what that tells to whom."""

import gzip
import re
import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone

from spaces import live
from spaces.models import Conference, Favourite, Preferences, Role, SavedFilter, Space
from spaces.models.spaces import Liveness
from spaces.views import live as pages
from spaces.views import overview
from tests import factories
from tests.support.rooms import space_of

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test crosses the border between two half minutes."""
    monkeypatch.setattr(pages, "FRESH", 10**9)


def version_in(html: bytes) -> str:
    """What the page says that it shows."""
    found = re.search(r'data-live="([^"]*)"', html.decode())
    assert found
    return found[1]


def rows_in(html: bytes) -> set[int]:
    """The rooms of which there are rows."""
    return {int(number) for number in re.findall(r'<tr id="room-(\d+)"', html.decode())}


def test_a_page_that_shows_the_present_version_is_answered_304_without_reading_rooms(
    sign_in, helpdesk, django_assert_max_num_queries
):
    room = factories.make_room()
    live.rooms_changed([room.pk])
    browser = sign_in(helpdesk)
    for path in ("/", "/mine/", room.get_absolute_url()):
        shown = version_in(browser.get(path).content)
        assert shown
        with django_assert_max_num_queries(2):  # session and person
            answer = browser.get(path, headers={**HTMX, "Live-Seen": shown})
        assert (answer.status_code, answer.content) == (304, b""), path


def test_a_change_makes_the_page_fresh(sign_in, helpdesk, django_capture_on_commit_callbacks):
    room = factories.make_room()
    browser = sign_in(helpdesk)
    shown = version_in(browser.get("/").content)
    with django_capture_on_commit_callbacks(execute=True):
        live.rooms_changed([room.pk])
    answer = browser.get("/", headers={**HTMX, "Live-Seen": shown})
    assert answer.status_code == 200
    assert version_in(answer.content) not in {"", shown}


def test_after_a_while_the_page_is_fresh_though_nothing_was_told(sign_in, helpdesk, monkeypatch):
    """Ages, and a call that gets stuck by lasting, are told by nobody."""
    monkeypatch.setattr(pages, "FRESH", 30)
    browser = sign_in(helpdesk)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        shown = version_in(browser.get("/").content)
        assert browser.get("/", headers={"Live-Seen": shown}).status_code == 304
        clock.shift(31)
        assert browser.get("/", headers={"Live-Seen": shown}).status_code == 200


def test_without_redis_pages_come_whole(sign_in, helpdesk, settings, tmp_path):
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    browser = sign_in(helpdesk)
    assert version_in(browser.get("/").content) == ""
    assert browser.get("/", headers={"Live-Seen": ""}).status_code == 200


@pytest.mark.parametrize("who", ["colleague", "owner", "limited"])
def test_who_may_not_know_of_every_call_is_not_told_that_something_changed_somewhere(
    sign_in, who, colleague, owner
):
    limited = factories.make_person("munich-admin@example.com", role=Role.ADMIN)
    limited.buildings.add(factories.make_building("MUC"))
    factories.make_room(owners=(owner,))
    browser = sign_in({"colleague": colleague, "owner": owner, "limited": limited}[who])
    assert version_in(browser.get("/").content) == ""
    guessed = pages.version_for(factories.make_person("it-admin@example.com", role=Role.ADMIN))
    assert browser.get("/", headers={"Live-Seen": guessed}).status_code == 200


def test_rows_alone_are_those_that_were_asked_for_and_fit_the_page(sign_in, admin):
    live_room, idle, other = (factories.make_room(name) for name in ("Live", "Idle", "Other"))
    Space.objects.filter(pk=space_of(live_room).pk).update(liveness=Liveness.ACTIVE)
    browser = sign_in(admin)

    def asked(path: str, rooms: str) -> set[int]:
        answer = browser.get(path, headers={**HTMX, "Live-Rooms": rooms})
        assert answer.status_code == 200
        assert b"data-live" not in answer.content
        return rows_in(answer.content)

    assert asked("/", f"{live_room.pk},{idle.pk}") == {live_room.pk, idle.pk}
    assert asked("/?state=live", f"{live_room.pk},{idle.pk}") == {live_room.pk}
    assert asked("/?q=Other", f"{live_room.pk},{other.pk}") == {other.pk}
    assert asked("/", f"{other.pk},,x,-1,99999999999999999999,{10**9}") == {other.pk}


def test_rows_alone_show_no_more_than_the_list_does(sign_in, colleague, admin):
    room = factories.make_room("Berlin 1.01")
    archived = factories.make_room("Berlin 1.02")
    type(archived).objects.filter(pk=archived.pk).update(archived_at=space_of(archived).seen_at)
    Space.objects.filter(pk=space_of(room).pk).update(liveness=Liveness.ACTIVE)
    asking = {**HTMX, "Live-Rooms": f"{room.pk},{archived.pk}"}
    seen = sign_in(colleague).get("/", headers=asking)
    assert rows_in(seen.content) == {room.pk}
    assert b'data-state="hidden"' in seen.content
    assert b'data-state="live"' in sign_in(admin).get("/", headers=asking).content


def test_the_way_back_from_a_row_leads_to_the_list(sign_in, admin):
    """What a page asks with is in headers, so that its address stays what the person sees."""
    room = factories.make_room()
    Space.objects.filter(pk=space_of(room).pk).update(liveness=Liveness.UNKNOWN)
    answer = sign_in(admin).get("/?sort=name", headers={**HTMX, "Live-Rooms": str(room.pk)})
    assert b"/?sort=name" in answer.content


def test_the_number_of_queries_for_rows_does_not_depend_on_their_number(
    sign_in, admin, django_assert_max_num_queries
):
    rooms = [factories.make_room() for _ in range(5)]
    browser = sign_in(admin)
    browser.get("/")
    for number in (1, 5):
        named = ",".join(str(room.pk) for room in rooms[:number])
        with django_assert_max_num_queries(10):
            browser.get("/", headers={**HTMX, "Live-Rooms": named})


# --- Lists that several people are shown ----------------------------------------------------------


def listed(browser: Any, path: str = "/", **headers: str) -> str:
    """The list as an open page fetches it."""
    answer = browser.get(path, headers={**HTMX, **headers})
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lists that were made and not taken from the shelf: their addresses."""
    found: list[str] = []
    real = overview._list

    def noted(request: Any, *args: Any) -> Any:
        found.append(request.get_full_path())
        return real(request, *args)

    monkeypatch.setattr(overview, "_list", noted)
    return found


def test_people_who_would_be_shown_the_same_are_given_one_list(sign_in, helpdesk, made):
    factories.make_room("Berlin 1.01")
    another = factories.make_person("second-line@example.com", role=Role.HELPDESK)
    first = listed(sign_in(helpdesk))
    assert "Berlin 1.01" in first
    assert listed(sign_in(another)) == first
    assert made == ["/"]


def test_who_has_something_of_their_own_in_a_list_is_given_a_list_of_their_own(
    sign_in, helpdesk, admin, made
):
    room = factories.make_room("Berlin 1.01")
    call = Conference.objects.create(record="conferenceRecords/on", space=space_of(room))
    Space.objects.filter(pk=space_of(room).pk).update(liveness=Liveness.ACTIVE, conference=call)
    owning = factories.make_person("owning@example.com", role=Role.HELPDESK)
    factories.make_room("Berlin 1.02", owners=(owning,))
    starring = factories.make_person("starring@example.com", role=Role.HELPDESK)
    Favourite.objects.create(person=starring, room=room)
    narrow = factories.make_person("narrow@example.com", role=Role.HELPDESK)
    Preferences.objects.create(person=narrow, columns=["code"])
    german = factories.make_person("german@example.com", role=Role.HELPDESK, language="de")
    saving = factories.make_person("saving@example.com", role=Role.HELPDESK)
    SavedFilter.objects.create(person=saving, name="Mine alone", query="state=live")
    everybody = (helpdesk, owning, starring, narrow, german, saving, admin)
    seen = [listed(sign_in(person)) for person in everybody]
    assert len(set(seen)) == len(everybody) == len(made)
    assert "Mine alone" in seen[5]
    assert not any("Mine alone" in text for text in (*seen[:5], seen[6]))
    assert "/end/" in seen[6]
    assert not any("/end/" in text for text in seen[:6]), "a way to end a call on the page of who may not"


def test_everybody_finds_their_own_token_in_a_list_that_others_are_shown(sign_in, helpdesk, made):
    room = factories.make_room()
    Space.objects.filter(pk=space_of(room).pk).update(liveness=Liveness.UNKNOWN)  # with a form to refresh it
    another = factories.make_person("second-line@example.com", role=Role.HELPDESK)
    for person in (helpdesk, another):
        browser = sign_in(person)
        browser.handler.enforce_csrf_checks = True
        text = listed(browser)
        assert pages.TOKEN not in text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
        assert token
        for given, expected in ((token[1], 302), ("x" * 64, 403)):
            form = {"csrfmiddlewaretoken": given, "columns": ["code"]}
            assert browser.post("/settings/columns/", form).status_code == expected
        Preferences.objects.filter(person=person).delete()
    assert made == ["/"]


def test_a_list_is_as_new_as_the_news_that_made_the_page_ask(transactional_db, sign_in, helpdesk, made):
    room = factories.make_room()
    browser = sign_in(helpdesk)

    def changed() -> str:
        live.rooms_changed([room.pk])
        return str(live.version())

    first = changed()
    listed(browser)
    second = changed()
    listed(browser, **{"Live-Needs": first})  # news of other rooms do not matter to this page
    assert len(made) == 1
    listed(browser, **{"Live-Needs": second})
    assert len(made) == 2
    changed()
    listed(browser)  # who does not say what they need is given the present
    assert len(made) == 3
    changed()
    listed(browser, **{"Live-Seen": "1-1"})  # who looks by themselves, what another has just been given
    assert len(made) == 3


def test_lists_are_not_kept_for_long_nor_without_end(sign_in, helpdesk, made, monkeypatch):
    shelf = pages.Shelf(most=3_000)
    monkeypatch.setattr(pages, "SHELF", shelf)
    monkeypatch.setattr(pages, "FRESH", 30)
    browser = sign_in(helpdesk)
    for number in range(20):
        listed(browser, f"/?q=nothing-{number}")
    assert len(made) == 20
    assert sum(len(kept.content) for kept in shelf._kept.values()) <= 3_000 == shelf.most
    assert shelf._size == sum(len(kept.content) for kept in shelf._kept.values())
    assert len(shelf._making) == len(shelf._kept)
    with time_machine.travel(timezone.now() + timedelta(seconds=31), tick=False):
        listed(browser, "/?q=nothing-19")
    assert len(made) == 21


def test_who_comes_while_a_list_is_made_waits_for_it():
    shelf, started, go = pages.Shelf(most=1_000), threading.Event(), threading.Event()
    made: list[int] = []

    def make() -> pages.Kept:
        made.append(1)
        started.set()
        assert go.wait(5)
        return pages.Kept(1, 0.0, b"list", has_token=False)

    found: list[pages.Kept] = []
    people = [
        threading.Thread(target=lambda: found.append(shelf.take("face", lambda _: True, make)))
        for _ in range(8)
    ]
    for person in people:
        person.start()
    assert started.wait(5)
    go.set()
    for person in people:
        person.join(5)
    assert len(made) == 1
    assert {kept.content for kept in found} == {b"list"}
    assert len(found) == 8


def test_a_list_without_forms_is_compressed_once(sign_in, helpdesk, made):
    factories.make_room()
    browser = sign_in(helpdesk)
    answer = browser.get("/", headers={**HTMX, "Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer["Vary"]
    assert gzip.decompress(answer.content).decode() == listed(browser)


PERSONAL = (
    "{{ user.email }}",
    "{{ request.user.email }}",
    "{{ request.session.session_key }}",
    "{{ request.COOKIES }}",
    "{{ messages }}",
    "{{ perms }}",
)


@pytest.mark.parametrize("words", PERSONAL)
def test_shared_list_cannot_show_anything_personal(sign_in, helpdesk, monkeypatch, words):
    """Whatever a template asks for, the person, the session and the request are out of its reach."""
    factories.make_room()
    empty = "{% load partials %}{% partialdef board %}[" + words + "]{% endpartialdef %}"
    monkeypatch.setattr(
        pages,
        "render_to_string",
        lambda _name, context: Template(empty + "{% partial board %}").render(Context(context)),
    )
    assert listed(sign_in(helpdesk)) == "[]"


def test_page_that_is_opened_is_made_for_one_person(transactional_db, sign_in, helpdesk, made):
    live.rooms_changed([factories.make_room("Berlin 1.01").pk])
    another = factories.make_person("second-line@example.com", role=Role.HELPDESK)
    german = factories.make_person("german@example.com", role=Role.HELPDESK, language="de")
    people = (helpdesk, another, german)
    texts = {person.email: sign_in(person).get("/").content.decode() for person in people}
    assert made == ["/"] * 3
    for email, text in texts.items():
        assert text.count("Berlin 1.01</a>") == 1
        assert [one for one in texts if one in text] == [email]
        for part in ('id="board"', 'id="counters"', 'id="status"', 'id="filters"', 'id="selection"'):
            assert text.count(part) == 1
        assert "hx-swap-oob" not in text
        assert ('<html lang="de">' in text) == (email == german.email)
    assert len({re.search(r'X-CSRFToken": "([^"]+)"', text)[1] for text in texts.values()}) == 3  # type: ignore[index]


def test_what_was_told_to_one_person_stands_in_no_page_of_another(transactional_db, sign_in, helpdesk, made):
    live.rooms_changed([factories.make_room().pk])
    another = sign_in(factories.make_person("second-line@example.com", role=Role.HELPDESK))
    mine = sign_in(helpdesk)
    for browser in (mine, another):
        browser.get("/")
    sent = mine.post("/settings/filters/", {"name": "Seldom used", "query": "state=live"})
    assert sent.status_code == 302
    told = mine.get("/").content.decode()
    assert "data-dismiss" in told
    assert "data-dismiss" not in mine.get("/").content.decode()
    assert "data-dismiss" not in another.get("/").content.decode()


def test_pages_of_those_who_see_only_some_calls(transactional_db, sign_in, owner, colleague, made):
    room = factories.make_room("Berlin 1.01", owners=(owner,))
    factories.make_call(space_of(room), devices=1)
    live.rooms_changed([room.pk])
    seen = [sign_in(person).get("/").content.decode() for person in (owner, colleague, owner, colleague)]
    assert len(made) == 4
    assert ['data-state="live"' in text for text in seen] == [True, False, True, False]


def test_page_shows_the_rights_and_columns_of_its_person(transactional_db, sign_in, helpdesk, admin):
    live.rooms_changed([factories.make_room().pk])
    narrow = factories.make_person("narrow@example.com", role=Role.HELPDESK)
    Preferences.objects.create(person=narrow, columns=["code"])
    texts = [sign_in(person).get("/").content.decode() for person in (helpdesk, admin, narrow)]
    assert ["/people/" in text for text in texts] == [False, True, False]
    ticked = [re.findall(r'name="columns" value="(\w+)"[^>]*checked', text) for text in texts]
    assert [len(one) for one in ticked] == [5, 5, 1]


def test_page_follows_the_buildings(transactional_db, sign_in, helpdesk):
    live.rooms_changed([factories.make_room(building=factories.make_building("BER")).pk])
    browser = sign_in(helpdesk)
    assert 'value="MUC"' not in browser.get("/").content.decode()
    factories.make_building("MUC")
    assert 'value="MUC"' in browser.get("/").content.decode()
