"""Pages for what went wrong: status, sentence, a reference that stands in the log, and nothing of the inside."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import translation

from spaces.access import NotAllowed, Permission
from spaces.middleware import answers_to_read
from spaces.views import problems

INSIDE = re.compile(r"Traceback|\.py\b|OperationalError|SELECT|secret-of-the-inside")


def reference_in(text: str) -> str:
    found = re.search(r"Reference\s+([0-9a-f]{8})", text)
    assert found, text
    return found[1]


def told(reply: Any, caplog: Any, status: int, what: str) -> str:
    """Holds what every such page holds; returns its text."""
    text = str(reply.content.decode())
    assert reply.status_code == status
    assert f"<h1>{what}" in text
    assert "data-cure" in text
    assert not INSIDE.search(text)
    lines = [one.getMessage() for one in caplog.records if reference_in(text) in one.getMessage()]
    assert lines
    assert str(status) in lines[0]
    return text


@contextmanager
def no_database() -> Iterator[None]:
    """Every query fails as it does when the server is away."""

    def fail(*_: Any) -> Any:
        raise OperationalError("connection refused: secret-of-the-inside")

    with connection.execute_wrapper(fail):
        yield


@pytest.fixture(autouse=True)
def _all_of_the_log(caplog):
    caplog.set_level(logging.INFO)


@pytest.mark.parametrize(
    ("address", "status", "what"),
    [
        ("/rooms/no-such-room/", 404, "There is no such page or room."),
        ("/nothing/here", 404, "There is no such page or room."),
        ("/people/", 403, "Only admins may give roles."),
        ("/google/1/test/", 405, "This address is for a button or a form"),
    ],
)
def test_refusals(colleague, sign_in, caplog, address, status, what):
    told(sign_in(colleague).get(address), caplog, status, what)


def test_what_is_not_allowed_says_what_is(colleague, sign_in):
    assert sign_in(colleague).get("/google/connect/")["Allow"] == "POST"


@pytest.mark.parametrize(
    ("error", "status", "what"),
    [
        (DisallowedHost("secret-of-the-inside"), 400, "Meetadmin does not understand this request."),
        (RequestDataTooBig("secret-of-the-inside"), 413, "That was more than Meetadmin takes at once."),
    ],
)
def test_what_makes_no_sense_or_is_too_much(caplog, error, status, what):
    told(problems.bad_request(RequestFactory().post("/people/"), error), caplog, status, what)


def test_a_body_that_is_too_big(admin, sign_in, settings, caplog):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    reply = sign_in(admin).post("/people/", {"email": "x" * 2000})
    told(reply, caplog, 413, "That was more than Meetadmin takes at once.")


def test_another_host(settings, caplog):
    told(Client().get("/", headers={"host": "evil.example"}), caplog, 400, "Meetadmin does not understand")


@pytest.mark.parametrize("status", [405, 413, 429])
def test_an_answer_without_a_word_gets_a_page(rf, admin, caplog, status):
    request = rf.post("/people/")
    request.session, request.user = {}, admin
    bare = HttpResponse(status=status, headers={"Retry-After": "30"})
    reply = answers_to_read(lambda _request: bare)(request)
    told(reply, caplog, status, str(problems.EMPTY[status][0])[:20])
    assert reply["Retry-After"] == "30"
    kept_as_it_is = HttpResponse("already told", status=status)
    assert answers_to_read(lambda _request: kept_as_it_is)(request) is kept_as_it_is


def test_something_broke(admin, caplog, monkeypatch, sign_in):
    """The page asks neither database nor session; what broke stands in the log beside the reference."""
    browser = sign_in(admin)
    browser.raise_request_exception = False
    monkeypatch.setattr("spaces.views.people.Paginator", lambda *_: 1 / 0)
    text = told(browser.get("/people/"), caplog, 500, "Something broke on our side.")
    assert "it-admin@example.com" not in text
    assert "ZeroDivisionError" in caplog.text


def test_the_error_page_may_break_too(rf, caplog, settings):
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
    try:
        raise ValueError("secret-of-the-inside")
    except ValueError:
        reply = problems.server_error(rf.get("/"))
    assert reply.status_code == 500
    assert "Something broke on our side." in reply.content.decode()


def test_the_database_is_away(admin, sign_in, caplog):
    browser = sign_in(admin)
    browser.raise_request_exception = False
    with no_database():
        reply = browser.get("/people/")
    text = told(reply, caplog, 503, "Meetadmin cannot reach its database at the moment.")
    assert 'http-equiv="refresh" content="15"' in text
    assert reply["Retry-After"] == "15"
    assert browser.get("/people/").status_code == 200


def test_what_was_typed_while_the_database_is_away_can_be_sent_again(admin, sign_in, caplog):
    browser = sign_in(admin)
    browser.raise_request_exception = False
    with no_database():
        reply = browser.post(
            "/people/",
            {"email": "<new>@example.com", "role": "helpdesk"},
            headers={"Origin": "http://testserver"},
        )
    text = told(reply, caplog, 503, "Meetadmin cannot reach its database at the moment.")
    assert '<form method="post" action="/people/">' in text
    assert 'name="email" value="&lt;new&gt;@example.com"' in text
    assert "http-equiv" not in text, "a page that loads itself again would lose it"


@pytest.mark.parametrize(
    "sender",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Referer": "https://evil.example/"}, {}],
)
def test_page_without_database_repeats_no_form_of_another_site(admin, sign_in, caplog, sender):
    browser = sign_in(admin)
    browser.raise_request_exception = False
    with no_database():
        reply = browser.post("/people/", {"email": "planted@example.com"}, headers=sender)
    text = told(reply, caplog, 503, "Meetadmin cannot reach its database at the moment.")
    assert "planted" not in text


def test_page_without_database_survives_a_host_that_is_not_ours(caplog):
    browser = Client(raise_request_exception=False)
    with no_database():
        reply = browser.post(
            "/people/", {"email": "x"}, headers={"host": "evil.example", "Origin": "http://evil.example"}
        )
    assert reply.status_code in {400, 503}
    assert "value=" not in reply.content.decode()


def test_an_address_cannot_write_lines_into_the_log(colleague, sign_in, caplog):
    sign_in(colleague).get("/nothing/%0Areference%20deadbeef:%20forged")
    assert not [one for one in caplog.records if "\n" in one.getMessage()]


@pytest.mark.parametrize("permission", list(Permission))
def test_every_refusal_is_said_in_german_too(rf, admin, permission):
    request = rf.get("/")
    request.session, request.user = {}, admin
    english = problems.forbidden(request, NotAllowed(permission)).content.decode()
    with translation.override("de"):
        german = problems.forbidden(request, NotAllowed(permission)).content.decode()
    heading = re.compile(r"<h1>(.*?)</h1>", re.DOTALL)
    said = [found[1] for text in (english, german) if (found := heading.search(text))]
    assert len(set(said)) == 2
