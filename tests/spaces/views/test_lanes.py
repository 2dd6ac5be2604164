"""Requests that wait for Google: which they are, and how many of them a person may have running."""

import re
from contextlib import ExitStack
from typing import Any

import pytest
from django.urls import URLResolver, get_resolver

from spaces.forms import new_key
from spaces.models import Account, Room
from spaces.views.lanes import ENDING, GOOGLE, MOST_EACH, PAGES, REFUSED, RUNNING, lane_of
from tests.spaces.test_bad_input import FORMS
from tests.support.rooms import asked, forget_requests, known_room, start_call

OURS = {"Origin": "http://testserver"}


@pytest.fixture
def room(google, owner) -> Room:
    return known_room(google, owners=(owner,), name="Hall 1")


def running(person: Any, *paths: str, lane: str = GOOGLE) -> ExitStack:
    """These requests of a person wait for Google."""
    stack = ExitStack()
    for path in paths:
        assert stack.enter_context(RUNNING.entered(lane, person.pk, path)) is None
    return stack


@pytest.mark.parametrize(
    ("method", "path", "lane"),
    [
        ("POST", "/rooms/hall-1/refresh/", GOOGLE),
        ("POST", "/rooms/hall-1/end/", ENDING),
        ("GET", "/rooms/hall-1/end/", PAGES),
        ("POST", "/rooms/hall-1/settings/", GOOGLE),
        ("GET", "/rooms/hall-1/settings/", PAGES),
        ("POST", "/rooms/hall-1/create-space/", GOOGLE),
        ("POST", "/rooms/hall-1/adopt-space/", GOOGLE),
        ("POST", "/lookup/ask/", GOOGLE),
        ("POST", "/google/1/test/", GOOGLE),
        ("POST", "/google/1/check/", GOOGLE),
        ("POST", "/google/1/disconnect/", GOOGLE),
        ("GET", "/accounts/connect/callback/", GOOGLE),
        ("GET", "/accounts/google/login/callback/", GOOGLE),
        ("GET", "/", PAGES),
        ("POST", "/selection/refresh/", PAGES),
        ("GET", "/readyz", PAGES),
        ("POST", "/no/such/page/", PAGES),
        ("GET", "/static/x.js", PAGES),
    ],
)
def test_lane_of_each_request(method, path, lane):
    assert lane_of(method, path) == lane


def addresses(room: Room, account: Account) -> list[tuple[str, str]]:
    """Name and path of every address, with something that exists in the place of what varies."""
    found: list[tuple[str, str]] = []

    def walk(patterns: Any, before: str) -> None:
        for one in patterns:
            path = before + str(one.pattern)
            if isinstance(one, URLResolver):
                walk(one.url_patterns, path)
            else:
                path = re.sub("<slug:.*?>", room.slug, path).replace("<int:pk>", str(account.pk))
                found.append((one.name, f"/{path}"))

    walk(get_resolver().url_patterns, "")
    return [each for each in found if each[0] != "account_logout"]


@pytest.mark.slow
def test_no_request_calls_google_outside_its_lane(google, admin, sign_in, room):
    """Whatever reaches Google from a page is marked: a new view that forgets it fails here."""
    record = start_call(google, room)
    account = Account.objects.get()
    browser, calling = sign_in(admin), set()
    more = {
        "conference": record, "confirm": room.name, "other": "why", "preset": "", "q": "abc-mnop-xyz", "text": "abc-mnop-xyz",
        "account": str(account.pk), "sure": "on",
    }  # fmt: skip
    # What takes the room or the account away comes last.
    late = ("room_archive", "disconnect", "space_create", "space_adopt")
    for name, path in sorted(addresses(room, account), key=lambda each: each[0] in late):
        for method in ("GET", "POST"):
            forget_requests(google)
            if method == "GET":
                browser.get(path)
            else:
                browser.post(path, {**FORMS.get(name, {}), **more, "key": new_key()})
            if sum(asked(google).values()):
                calling.add((method, name))
                assert lane_of(method, path) != PAGES, (method, path)
    assert calling >= {
        ("POST", "refresh"), ("POST", "end"), ("POST", "lookup_ask"), ("POST", "account_test"),
        ("POST", "account_check"), ("POST", "space_create"),
    }  # fmt: skip


def test_second_identical_request_is_refused_while_the_first_runs(google, owner, sign_in, room):
    path = f"/rooms/{room.slug}/refresh/"
    browser = sign_in(owner)
    with running(owner, path):
        reply = browser.post(path, {"next": "/mine/"}, headers=OURS)
        assert reply.status_code == 429
        assert int(reply["Retry-After"]) > 0
        assert "This request is already running." in reply.content.decode()
        assert asked(google) == {}
    assert browser.post(path, {"next": "/mine/"}).status_code == 302
    assert asked(google)


def test_person_has_a_few_requests_running_and_nobody_else_is_concerned(google, owner, admin, sign_in, room):
    path = f"/rooms/{room.slug}/refresh/"
    with running(owner, *(f"/rooms/other-{number}/refresh/" for number in range(MOST_EACH))):
        reply = sign_in(owner).post(path, {}, headers=OURS)
        assert reply.status_code == 429
        assert "You have too many requests to Google running." in reply.content.decode()
        assert sign_in(owner).get(room.get_absolute_url()).status_code == 200
        assert sign_in(admin).post(path).status_code == 302


def test_call_can_be_ended_while_refreshes_run(google, owner, sign_in, room):
    record = start_call(google, room)
    with running(owner, *(f"/rooms/other-{number}/refresh/" for number in range(MOST_EACH))):
        form = {"conference": record, "other": "needed", "confirm": room.name, "key": new_key()}
        assert sign_in(owner).post(f"/rooms/{room.slug}/end/", form).status_code == 302
    assert asked(google)["spaces.endActiveConference"] == 1


def test_form_that_is_refused_loses_nothing_and_can_be_sent_again(google, owner, sign_in, room):
    """Without JavaScript: the page has the form in it."""
    record = start_call(google, room)
    path = f"/rooms/{room.slug}/end/"
    form = {"conference": record, "other": "the <next> meeting", "confirm": room.name, "key": new_key()}
    browser = sign_in(owner)
    with running(owner, path, lane=ENDING):
        text = browser.post(path, form, headers=OURS).content.decode()
    assert f'<form method="post" action="{path}">' in text
    assert 'name="other" value="the &lt;next&gt; meeting"' in text
    foreign = {"Origin": "https://evil.example"}
    with running(owner, path, lane=ENDING):
        assert "next" not in browser.post(path, form, headers=foreign).content.decode()
    assert browser.post(path, form).status_code == 302


@pytest.mark.parametrize(("refused", "status"), [("all", 503), ("each", 429)])
def test_full_lane_is_told_in_words(google, owner, sign_in, room, refused, status):
    reply = sign_in(owner).post(f"/rooms/{room.slug}/refresh/", {}, headers=OURS, **{REFUSED: refused})
    assert reply.status_code == status
    assert int(reply["Retry-After"]) > 0
    assert "data-cure" in reply.content.decode()
    assert asked(google) == {}


def test_browser_cannot_claim_that_a_lane_is_full(google, owner, sign_in, room):
    headers = {REFUSED: "all", "Meetadmin.Lane_Refused": "all"}
    assert sign_in(owner).post(f"/rooms/{room.slug}/refresh/", headers=headers).status_code == 302


def test_request_that_breaks_is_not_counted_for_ever(owner):
    for _ in range(2 * MOST_EACH):
        with pytest.raises(RuntimeError), RUNNING.entered(GOOGLE, owner.pk, "/x/"):
            raise RuntimeError
    with RUNNING.entered(GOOGLE, owner.pk, "/x/") as refusal:
        assert refusal is None


def test_rights_come_before_limits(colleague, sign_in, google, room):
    """Who may not do it learns that, and takes nobody's place."""
    reply = sign_in(colleague).post(f"/rooms/{room.slug}/refresh/")
    assert reply.status_code == 403
    assert not RUNNING._numbers
