"""How an open page asks again: for rows alone, for the whole only if it has changed, and what that tells to whom."""

import re

import pytest
import time_machine
from django.utils import timezone

from spaces import live
from spaces.models import Role, Space
from spaces.models.spaces import Liveness
from spaces.views import live as pages
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
        with django_assert_max_num_queries(7):
            browser.get("/", headers={**HTMX, "Live-Rooms": named})
