"""One person's requests stall nobody: the web process as it is started, with a Google that takes its time (docs/decisions/0019)."""

import http.client
import json
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings

from embedded import process, serve
from meetadmin.bridge import QUEUE
from spaces.models import Ownership, Person
from spaces.views.lanes import MOST_EACH
from tests.meetadmin.test_asgi import address_of_database
from tests.support.environment import free_port
from tests.support.rooms import BERLIN, MUNICH, fault, forget_requests, is_on, known_room, start_call

pytestmark = pytest.mark.slow

SECRET = (
    "s" * 32
)  # of the protection against forged forms: a browser's cookie and its form have to agree, nothing more
SLOW = 18.0  # seconds that Google takes for the account of the busy owner


class Web:
    """A web process, and what people ask of it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, session: str = "", form: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and text of an answer."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as browser:
            headers = {
                "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={SECRET}",
                "Origin": f"http://127.0.0.1:{self.port}",
            }
            if form is None:
                browser.request("GET", path, headers=headers)
            else:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                body = urlencode({**form, "csrfmiddlewaretoken": SECRET})
                browser.request("POST", path, body, headers)
            answer = browser.getresponse()
            return answer.status, answer.read().decode()

    def open(self, *lines: str) -> socket.socket:
        """A connection on which only this has been sent."""
        line = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        line.sendall(("\r\n".join(lines)).encode())
        return line


@pytest.fixture
def start(google, tmp_path: Path) -> Iterator[Callable[..., Web]]:
    """Starts a web process on what is in the test's database by then."""
    with ExitStack() as stack:

        def started(**env: str) -> Web:
            port, key = free_port(), tmp_path / "key.json"
            key.write_text(json.dumps(settings.GOOGLE_SERVICE_ACCOUNT))
            env = {
                **os.environ,
                "MEETADMIN_STATE_DIR": str(tmp_path),
                "MEETADMIN_BASE_URL": f"http://127.0.0.1:{port}",
                "GOOGLE_SERVICE_ACCOUNT_FILE": str(key),
                "MEETADMIN_GOOGLE_TIMEOUT": "20",
                **address_of_database(tmp_path),
                **env,
            }
            (web,) = (
                one for one in serve.application(env, host="127.0.0.1", web_port=port) if one.name == "web"
            )
            child = process.start(web.argv, env=env, output=tmp_path / "web.log")
            stack.callback(process.stop, child, seconds=1)
            found = Web(port)

            def answers() -> bool:
                try:
                    return found.ask("/healthz")[0] == 200
                except OSError:
                    return False

            process.wait_until(answers, seconds=60, what="The web process", process=child)
            return found

        yield started


def session_of(sign_in: Any, person: Person) -> str:
    return str(sign_in(person).session.session_key)


@pytest.mark.django_db(transaction=True)
def test_refreshes_of_one_owner_stall_neither_pages_nor_the_end_of_a_call(
    google, owner, admin, sign_in, start
):
    rooms = [known_room(google, name=f"Slow {n}", owners=(owner,)) for n in range(8)]
    other = known_room(google, account=MUNICH, name="Elsewhere")
    record = start_call(google, other)
    sessions = {person: session_of(sign_in, person) for person in (owner, admin)}
    web = start()
    status, _ = web.ask("/", sessions[admin])
    assert status == 200
    fault(google, "*", kind="slow", delay_ms=round(SLOW * 1000), account=BERLIN, times=0)
    forget_requests(google)
    statuses: Counter[int] = Counter()

    def refresh(number: int) -> None:
        path = f"/rooms/{rooms[number % len(rooms)].slug}/refresh/"
        with suppress(OSError):  # the web process is ended while some of them wait
            statuses[web.ask(path, sessions[owner], {"next": "/mine/"})[0]] += 1

    threads = [threading.Thread(target=refresh, args=(number,), daemon=True) for number in range(48)]
    for thread in threads:
        thread.start()
    process.wait_until(lambda: statuses.total() >= 48 - MOST_EACH, seconds=30, what="The refusals")
    assert web.ask("/healthz") == (200, '{"status": "ok"}')
    assert web.ask("/", sessions[admin])[0] == 200
    assert web.ask("/mine/", sessions[owner])[0] == 200, "not even the owner waits for pages"
    form = {"conference": record, "other": "The room is needed", "confirm": other.name, "key": "k" * 20}
    status, text = web.ask(f"/rooms/{other.slug}/end/", sessions[admin], form)
    assert status == 302, text
    assert not is_on(google, record)
    assert statuses == {429: 48 - MOST_EACH}, (
        "a refresh came to its end first, so all of this may have waited for it"
    )


@pytest.mark.django_db(transaction=True)
def test_google_that_hangs_for_everybody_takes_no_pages_away(google, owner, admin, sign_in, start):
    """More people than there are threads press Refresh: their requests wait, then the rest is refused, and pages come up."""
    people = [Person.objects.create(email=f"deputy-{n}@example.com", name=f"Deputy {n}") for n in range(14)]
    room = known_room(google, name="Slow", owners=(owner,))
    others = [known_room(google, name=f"Slow {n}") for n in range(3)]
    for person in people:
        for each in others:
            Ownership.objects.create(room=each, person=person)
    sessions = [session_of(sign_in, person) for person in people]
    of_admin = session_of(sign_in, admin)
    web = start()
    assert web.ask("/", of_admin)[0] == 200
    fault(google, "*", kind="slow", delay_ms=round(SLOW * 1000), times=0)
    statuses: Counter[int] = Counter()

    def refresh(session: str, slug: str) -> None:
        with suppress(OSError):  # the web process is ended while most of them wait
            statuses[web.ask(f"/rooms/{slug}/refresh/", session, {})[0]] += 1

    asked = [(session, each.slug) for session in sessions for each in others]
    lane = 10 * QUEUE
    assert len(asked) > lane
    threads = [threading.Thread(target=refresh, args=each, daemon=True) for each in asked]
    for thread in threads:
        thread.start()
    process.wait_until(lambda: statuses[503] == len(asked) - lane, seconds=30, what="The refusals")
    assert web.ask("/", of_admin)[0] == 200
    assert web.ask(f"/rooms/{room.slug}/", of_admin)[0] == 200
    assert statuses == {503: len(asked) - lane}, "a refresh came to its end first"


@pytest.mark.django_db(transaction=True)
def test_stalled_bodies_are_closed_and_nobody_waits_for_them(admin, sign_in, start):
    session = session_of(sign_in, admin)
    web = start(MEETADMIN_BODY_SECONDS="3")
    head = ("POST /hooks/google/pubsub HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 250000", "", "")
    drips = [web.open(*head[:-1], "x" * 1000) for _ in range(12)]
    slow = web.open("GET / HTTP/1.1", "Host: 127.0.0.1", "Transfer-Encoding: chunked", "", "")
    assert web.ask("/", session)[0] == 200
    assert web.ask("/healthz")[0] == 200
    for line in (*drips, slow):
        with closing(line):
            said = b""
            while chunk := line.recv(4096):  # until the server closes
                said += chunk
            assert said.startswith(b"HTTP/1.1 408 "), said


@pytest.mark.django_db(transaction=True)
def test_bodies_that_are_malformed_or_too_large_are_refused_in_words(admin, sign_in, start):
    session = session_of(sign_in, admin)
    web = start()
    head = ("POST /people/ HTTP/1.1", "Host: 127.0.0.1", "Transfer-Encoding: chunked", "")
    for body in ("ZZ\r\nabc\r\n", "3\r\nabc\r\nZZ\r\n", "3\r\nabcdef\r\n0\r\n\r\n", "F" * 20 + "\r\nabc\r\n"):
        with closing(web.open(*head, body)) as line:
            said = line.recv(65536)
            assert said.startswith(b"HTTP/1.1 400 "), (body, said)
            assert b"Internal" not in said
    status, _ = web.ask("/people/", session, {"email": "x" * 400_000})
    assert status == 422, "Read whole for somebody who is signed in, and judged by the form."
    status, text = web.ask("/people/", session, {"email": "x" * 4_100_000})
    assert status == 413
    assert "more than Meetadmin takes at once" in text
    status, text = web.ask("/people/", "", {"email": "x" * 400_000})
    assert status == 413
    assert web.ask("/", session)[0] == 200
