"""The web process as it is started: pages and streams through one door, and a quick end."""

import http.client
import os
import socket
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from embedded import process, serve
from tests.support.environment import free_port

pytestmark = pytest.mark.slow


def address_of_database(folder: Path) -> dict[str, str]:
    """The environment in which another process finds what is in the test's database by now."""
    if connection.vendor == "sqlite":  # it is in this process's memory, so the other one gets a copy
        with closing(sqlite3.connect(folder / "db.sqlite3")) as copy:
            connection.connection.backup(copy)
        return {}
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    return {"DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}"}


def answer(port: int, path: str, cookie: str = "") -> tuple[int, bytes]:
    """Status and body; (0, b"") while nobody listens."""
    browser = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        browser.request("GET", path, headers={"Cookie": cookie})
        response = browser.getresponse()
        return response.status, response.read()
    except OSError:
        return 0, b""
    finally:
        browser.close()


def stream(port: int, cookie: str) -> socket.socket:
    """A stream that has been greeted."""
    line = socket.create_connection(("127.0.0.1", port), timeout=10)
    line.sendall(f"GET /live/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
    said = b""
    while b"event: hello" not in said:
        chunk = line.recv(4096)
        assert chunk, said
        said += chunk
    return line


@pytest.mark.django_db(transaction=True)
def test_pages_and_streams_share_a_process_that_still_ends_at_once(admin, owner, sign_in, tmp_path):
    cookie, another = (
        f"{settings.SESSION_COOKIE_NAME}={sign_in(person).session.session_key}" for person in (admin, owner)
    )
    port = free_port()
    env = {
        **os.environ,
        "MEETADMIN_STATE_DIR": str(tmp_path),
        "MEETADMIN_BASE_URL": f"http://127.0.0.1:{port}",
    }
    env |= address_of_database(tmp_path)
    (web,) = (one for one in serve.application(env, host="127.0.0.1", web_port=port) if one.name == "web")
    child = process.start(web.argv, env=env, output=tmp_path / "web.log")
    with ExitStack() as stack:
        stack.callback(process.stop, child, seconds=1)
        process.wait_until(
            lambda: answer(port, "/healthz")[0] == 200, seconds=30, what="The web process", process=child
        )
        lines = [stack.enter_context(closing(stream(port, who))) for who in [cookie, another] * 15]
        status, page = answer(port, "/", cookie)
        assert status == 200, "thirty streams took the threads of the pages"
        assert b"No rooms yet" in page
        assert process.stop(child, seconds=15), "it waited for its streams and had to be killed"
        assert child.returncode == 0, process.tail(tmp_path / "web.log")
        for line in lines:
            said = b""
            while chunk := line.recv(4096):
                said += chunk
            assert b'{"why":"restart"}' in said
