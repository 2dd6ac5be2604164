"""An open page keeps itself true: rows change in place, one stream for a browser, none for who does not look."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.journeys.conftest import Stack, Visitor
from tests.journeys.test_stories import SOON, idle_room, row_of, stay, stayed

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]

Arrive = Callable[..., Visitor]

# Tells a page that nobody looks at it any more, or somebody does again; a browser without a screen cannot be covered up.
TURN = """() => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => %s });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
COVERED, SEEN_AGAIN = TURN % "true", TURN % "false"


class Traffic:
    """What a page asks the server for, by itself."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.streams: list[Request] = []  # opened
        self.open: list[Request] = []
        self.rows: list[str] = []
        page.on("request", self._asked)
        page.on("requestfinished", self._over)
        page.on("requestfailed", self._over)

    def _asked(self, request: Request) -> None:
        if "/live/" in request.url:
            self.streams.append(request)
            self.open.append(request)
        elif "live-rooms" in request.headers:
            self.rows.append(request.headers["live-rooms"])

    def _over(self, request: Request) -> None:
        if request in self.open:
            self.open.remove(request)

    def until(self, check: Callable[[], bool], what: str) -> None:
        """Wait until it is so."""
        for _ in range(200):
            if check():
                return
            self.page.wait_for_timeout(50)  # lets the browser's events in; the condition is what ends it
        raise AssertionError(what)


def start(stack: Stack, room: dict[str, Any]) -> dict[str, Any]:
    """A call begins at Google."""
    somebody = {"space": room["the_space"]["name"], "participants": [{"email": "participant@example.com"}]}
    call: dict[str, Any] = stack.google.control("POST", "conferences", somebody)
    return call


def test_rows_change_in_place_and_keep_focus_and_selection(stack: Stack, visitor: Arrive) -> None:
    page = visitor("it-admin@example.com").page
    traffic = Traffic(page)
    page.goto(f"{stack.url}/?sort=name")
    traffic.until(lambda: len(traffic.open) == 1, "no stream was opened")
    stay(page)
    room = idle_room(stack)
    row = row_of(page, room)
    expect(row).to_have_attribute("data-state", "idle")
    row.get_by_role("checkbox").check()
    row.get_by_role("link", name=room["name"], exact=True).focus()

    call = start(stack, room)
    # With a stream a page looks by itself once a minute only, so this is the message's doing.
    expect(row).to_have_attribute("data-state", "live", timeout=SOON)
    expect(page.locator("#news")).to_contain_text(room["name"])
    expect(row.locator(".kinds")).to_be_visible(timeout=SOON)
    traffic.until(
        lambda: not page.evaluate("() => document.querySelector('.htmx-request')"), "still fetching"
    )
    traffic.rows.clear()
    stack.google.control("POST", f"conferences/{call['id']}/join", {"guest": "Visitor"})
    expect(row.locator(".kinds span[title^=People]")).to_contain_text("2", timeout=SOON)
    number = (row.get_attribute("id") or "").removeprefix("room-")
    assert number in ",".join(traffic.rows).split(","), "the head count came with more than its row"

    assert stayed(page)
    assert row.get_by_role("checkbox").is_checked()
    expect(row.get_by_role("link", name=room["name"], exact=True)).to_be_focused()
    stack.google.control("POST", f"conferences/{call['id']}/end")
    expect(row).to_have_attribute("data-state", "idle", timeout=SOON)


def test_one_stream_for_a_browser_and_none_for_who_does_not_look(stack: Stack, visitor: Arrive) -> None:
    one = visitor("helpdesk@example.com")
    first, second = Traffic(one.page), Traffic(one.context.new_page())
    first.page.goto(stack.url)
    first.until(lambda: len(first.open) == 1, "no stream was opened")
    second.page.goto(stack.url)
    room = idle_room(stack)
    call = start(stack, room)
    # The second page has no stream of its own and hears through the first.
    expect(row_of(second.page, room)).to_have_attribute("data-state", "live", timeout=SOON)
    assert second.streams == []
    expect(row_of(first.page, room)).to_have_attribute("data-state", "live", timeout=SOON)

    first.page.evaluate(COVERED)
    first.until(lambda: not first.open, "a page that nobody looks at holds its stream")
    second.until(lambda: len(second.open) == 1, "nobody took the stream over")
    stack.google.control("POST", f"conferences/{call['id']}/end")
    expect(row_of(second.page, room)).to_have_attribute("data-state", "idle", timeout=SOON)
    expect(row_of(first.page, room)).to_have_attribute(
        "data-state", "live"
    )  # as it was when it was covered up
    first.page.evaluate(SEEN_AGAIN)
    expect(row_of(first.page, room)).to_have_attribute("data-state", "idle", timeout=SOON)


def test_signing_out_in_one_page_leads_the_other_to_the_sign_in(stack: Stack, visitor: Arrive) -> None:
    one = visitor("room-owner@example.com")
    traffic = Traffic(one.page)
    one.page.goto(f"{stack.url}/mine/")
    traffic.until(lambda: len(traffic.open) == 1, "no stream was opened")
    other = one.context.new_page()
    other.goto(f"{stack.url}/accounts/logout/")
    other.get_by_role("button", name="Sign out").last.click()
    expect(one.page.get_by_role("button", name="Sign in with Google")).to_be_visible(timeout=SOON)
