"""The whole product for the browser stories: the processes that `make demo` starts, on ports and a database of their own."""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from embedded import broker, chromium, process, serve
from tests.support.environment import free_port
from tests.support.simulator import SimulatorProcess


@dataclass
class Stack:
    """Where everything is."""

    url: str
    google: SimulatorProcess
    logs: Path

    def ready(self) -> bool:
        """Whether people can work with it."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["status"] == "ready")
        except (urllib.error.URLError, OSError):
            return False

    def room(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first room of the world that fits, with its space and its running call."""
        found = next(self.rooms(wanted), None)
        assert found is not None, "the world has no such room"
        return found

    def rooms(self, wanted: Callable[[dict[str, Any]], bool]) -> Iterator[dict[str, Any]]:
        """All that fit, as the world is now."""
        world = self.google.world()
        spaces = {space["name"]: space for space in world["spaces"]}
        running = {call["space"]: call for call in world["conferences"] if call["endTime"] is None}
        for room in world["rooms"]:
            whole: dict[str, Any] = room | {
                "the_space": spaces[room["space"]],
                "call": running.get(room["space"]),
            }
            if wanted(whole):
                yield whole

    def present(self, room: dict[str, Any], kind: str) -> int:
        """How many of that kind are in the room's call."""
        call = room["call"] or {"participants": []}
        return sum(one["kind"] == kind and one["leftAt"] is None for one in call["participants"])


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Broker, simulator, web, worker and beat; seeded as the demo is."""
    folder = tmp_path_factory.mktemp("stack")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START", "COV_CORE_SOURCE")
    with SimulatorProcess() as google, broker.start(folder / "broker") as redis:
        key = folder / "service-account.json"
        key.write_text(json.dumps(google.control("GET", "service-account")))
        env = (
            {name: os.environ[name] for name in kept if name in os.environ}
            | serve.DEMO_CLIENT
            | {
                "MEETADMIN_STATE_DIR": str(folder),
                "MEETADMIN_SECRET_KEY": "only-for-journeys",
                "MEETADMIN_TOKEN_KEYS": os.environ["MEETADMIN_TOKEN_KEYS"],
                "MEETADMIN_BASE_URL": url,
                "MEETADMIN_GOOGLE_URL": google.url,
                "MEETADMIN_DOMAINS": "example.com",
                "MEETADMIN_FIRST_ADMINS": "it-admin@example.com",
                "MEETADMIN_ROOM_MAILBOXES": ",".join(one["email"] for one in google.world()["accounts"]),
                "MEETADMIN_SWEEP_EVERY": "2",
                "GOOGLE_SERVICE_ACCOUNT_FILE": str(key),
                "REDIS_URL": redis.url(database=1),
            }
            | serve.arrange_push(google.url, url)
        )
        seeded = process.start(
            [sys.executable, "manage.py", "seed_demo"], env=env, output=folder / "seed.log"
        )
        assert seeded.wait(60) == 0, process.tail(folder / "seed.log")
        children = [
            process.start(child.argv, env=child.env, output=folder / f"{child.name}.log")
            for child in serve.application(env, host="127.0.0.1", web_port=port)
        ]
        try:
            whole = Stack(url, google, folder)
            for child in children:
                process.wait_until(whole.ready, seconds=90, what="The stack", process=child)
            yield whole
        finally:
            for child in reversed(children):
                process.stop(child, seconds=15)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; as root it needs to run without its sandbox.

    It ends with the last story, not with the session: while Playwright is on, an event loop runs in this thread, in which
    Django refuses to touch the database. The tests that come after the stories in the same process need it.
    """
    quiet = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        *(["--no-sandbox"] if os.getuid() == 0 else []),
    ]
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium.find(), args=quiet)


class Visitor:
    """Somebody at a browser. Whatever the browser complains about fails the story at its end."""

    def __init__(self, stack: Stack, context: BrowserContext) -> None:
        self.stack = stack
        self.context = context
        self.complaints: list[str] = []
        self.page = context.new_page()
        self.page.on("console", self._complain)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _complain(self, message: ConsoleMessage) -> None:
        # A refused request is part of some stories; the browser notes its status as an error of the page.
        if message.type == "error" and "status of 4" not in message.text:
            self.complaints.append(f"{message.text} ({self.page.url})")

    def sign_in(self, email: str) -> Page:
        """Through the product's page and Google's, as a person does."""
        self.page.goto(self.stack.url)
        self.page.get_by_role("button", name="Sign in with Google").click()
        self.page.locator(f"button[name=account][value='{email}']").click()
        self.page.wait_for_load_state()
        return self.page


@pytest.fixture
def visitor(stack: Stack, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Opens a browser of one's own for somebody: visitor("helpdesk@example.com").page is signed in."""
    everybody: list[Visitor] = []

    def arrive(email: str = "", **options: Any) -> Visitor:
        one = Visitor(stack, browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options}))
        everybody.append(one)
        if email:
            one.sign_in(email)
        return one

    yield arrive
    for one in everybody:
        one.context.close()
    assert not [complaint for one in everybody for complaint in one.complaints]


@pytest.fixture(autouse=True)
def _shown_on_failure(stack: Stack, request: pytest.FixtureRequest) -> Iterator[None]:
    """The processes' last words beside a failing story."""
    failed_before = request.session.testsfailed
    yield
    if request.session.testsfailed > failed_before:
        for log in sorted(stack.logs.glob("*.log")):
            sys.stderr.write(f"\n{log.name}:\n{process.tail(log)}\n")
