"""The page at ``/``: readable, without JavaScript, and its forms do what they say."""

import html
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from tests.support.simulator import SimulatorProcess


class Page:
    """A browser without JavaScript."""

    def __init__(self, google: SimulatorProcess) -> None:
        self.google = google

    def get(self, query: str = "") -> str:
        """The page's text."""
        status, text = self.google.call("GET", "/" + query)
        assert status == 200
        return str(text)

    def post(self, _headers: dict[str, str] | None = None, **form: str) -> str:
        """Send a form and follow to the page; answers what it says about it."""
        data = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.google.url + "/", data=data, headers=_headers or {})
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read().decode()
        found = re.search(r'<p class="said" role="status">(.*?)</p>', text)
        assert found is not None
        return html.unescape(found.group(1))


@pytest.fixture
def page(google: SimulatorProcess) -> Page:
    """The page of a fresh world."""
    return Page(google)


def idle_room(google: SimulatorProcess) -> dict[str, Any]:
    """A room in which nothing is on."""
    world = google.world()
    busy = {each["name"] for each in world["spaces"] if each["activeConference"]}
    return next(dict(each) for each in world["rooms"] if each["space"] not in busy)


def call_in(google: SimulatorProcess, space: str) -> dict[str, Any] | None:
    """The running call of a space."""
    for each in google.world()["conferences"]:
        if each["space"] == space and each["endTime"] is None:
            return dict(each)
    return None


def test_it_shows_the_world(page):
    text = page.get()
    running = [each for each in page.google.world()["conferences"] if each["endTime"] is None]
    assert f"<strong>{len(running)}</strong><span>running calls</span>" in text
    assert text.count("<details>") == len(running)
    assert "monday-morning" in text
    page.google.call("GET", "/v2/conferenceRecords")
    assert "conferenceRecords.list" in page.get()


def test_it_needs_nothing_from_elsewhere(page):
    text = page.get()
    assert "<script" not in text
    assert not re.search(r'(src|href|action)="(?!/|#)', text)
    assert "url(" not in text
    assert "color-scheme: light dark" in text


def test_start_join_leave_end(page):
    room = idle_room(page.google)
    assert "started" in page.post(do="start", space=room["name"], kind="email", who="participant@example.com")
    call = call_in(page.google, room["space"])
    assert call is not None
    assert "Visitor" in page.post(do="join", call=call["id"], kind="guest", who="Visitor")
    text = page.get(f"?q={urllib.parse.quote(room['name'])}")
    assert "Participant (person)" in text
    assert "Visitor (guest)" in text
    person = call["participants"][0]["name"].rsplit("/", 1)[1]
    assert "has left" in page.post(do="leave", call=call["id"], participant=person)
    assert "has ended" in page.post(do="end", call=call["id"])
    assert call_in(page.google, room["space"]) is None
    assert page.post(do="end", call=call["id"]) == "This call is over."


def test_search(page):
    running = [each for each in page.google.world()["conferences"] if each["endTime"] is None]
    code = next(
        each["meetingCode"] for each in page.google.world()["spaces"] if each["name"] == running[0]["space"]
    )
    assert page.get(f"?q={code}").count("<details>") == 1
    assert "<p>None.</p>" in page.get("?q=nothing-like-that")


def test_faults(page):
    said = page.post(
        do="fault", method="conferenceRecords.list", what="503", times="2", seconds="", account=""
    )
    assert said == "Planned: conferenceRecords.list: 503, 2 times."
    token = page.google.token("rooms-ber@example.com")
    assert page.google.call("GET", "/v2/conferenceRecords", token=token)[0] == 503
    assert "conferenceRecords.list: 503, 1 times" in page.get()
    page.post(do="no-faults")
    assert page.google.call("GET", "/v2/conferenceRecords", token=token)[0] == 200


def test_clock_and_movement(page):
    call = next(each for each in page.google.world()["conferences"] if each["endTime"] is None)
    assert "60 minutes" in page.post(do="clock", minutes="60")
    later = next(each for each in page.google.world()["conferences"] if each["id"] == call["id"])
    assert later["startTime"] < call["startTime"]
    assert "by themselves" in page.post(do="life", running="yes")
    assert "Hold everybody still" in page.get()
    assert "Nobody moves" in page.post(do="life", running="no")


@pytest.mark.parametrize(
    "form",
    [
        {"do": "dance"},
        {"do": "start", "space": "Nowhere 9.99", "kind": "guest", "who": "A"},
        {"do": "start", "space": "Berlin 1.01", "kind": "robot", "who": "A"},
        {"do": "join", "call": "nothing", "kind": "guest", "who": "A"},
        {"do": "fault", "what": "777"},
        {"do": "fault", "what": "503", "times": "many"},
        {"do": "clock", "minutes": "-5"},
    ],
)
def test_bad_forms_change_nothing(page, form):
    before = page.google.world()
    assert page.post(**form)
    after = page.google.world()
    assert {**after, "now": ""} == {**before, "now": ""}


def test_what_people_type_is_text(page):
    room = idle_room(page.google)
    page.post(do="start", space=room["name"], kind="guest", who="<b>Bold</b>")
    text = page.get(f"?q={urllib.parse.quote(room['name'])}&said=%3Ci%3E")
    assert "<b>Bold</b>" not in text
    assert "&lt;b&gt;Bold&lt;/b&gt;" in text
    assert "<i>" not in text


def test_a_form_of_another_site_is_refused(page):
    with pytest.raises(urllib.error.HTTPError) as caught:
        page.post({"Origin": "http://elsewhere.example"}, do="life", running="yes")
    with caught.value as refusal:
        assert refusal.code == 403
