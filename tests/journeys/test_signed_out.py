"""The session ends while somebody is in the middle of something, in German, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Stack
from tests.journeys.test_stories import SOON, Arrive, ends, row_of, stuck_room_of_the_owner

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

SESSION = "meetadmin-session"


def test_nothing_typed_is_lost_and_nothing_is_done_by_itself(stack: Stack, visitor: Arrive) -> None:
    room = stuck_room_of_the_owner(stack)
    before = ends(stack)
    somebody = visitor(locale="de-DE")
    page = somebody.page
    page.goto(f"{stack.url}/mine/")
    page.get_by_role("button", name="Mit Google anmelden").click()
    page.locator("button[name=account][value='room-owner@example.com']").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")

    card = row_of(page, room)
    expect(card).to_contain_text("Hängt", timeout=SOON)
    expect(page.locator("time[data-age]").first).to_have_text(re.compile(r"^vor \d+ (s|min)$"))
    card.get_by_role("link", name="Beenden…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Anderer Grund…").check()
    dialog.get_by_label("In eigenen Worten").fill("Der Raum wird für die Prüfung gebraucht")
    somebody.context.clear_cookies(name=SESSION)
    dialog.get_by_role("button", name="Besprechung beenden").click()

    page.get_by_role("button", name="Mit Google anmelden").click()
    page.locator("button[name=account][value='room-owner@example.com']").click()
    expect(page.locator("#messages")).to_contain_text("Ihre Eingaben sind wieder da")
    expect(page.get_by_label("In eigenen Worten")).to_have_value("Der Raum wird für die Prüfung gebraucht")
    assert ends(stack) == before

    page.get_by_role("button", name="Besprechung beenden").click()
    expect(page.locator("#messages")).to_contain_text(f"Die Besprechung in {room['name']}", timeout=SOON)
    assert ends(stack) == before + 1


def test_without_javascript_a_room_that_was_being_written_down_comes_back(
    stack: Stack, visitor: Arrive
) -> None:
    somebody = visitor("it-admin@example.com", java_script_enabled=False)
    page = somebody.page
    page.goto(f"{stack.url}/rooms/new/")
    page.get_by_label("Name", exact=True).fill("Room of the lost session")
    page.get_by_label("Notes").fill("Two lines,\nboth kept")
    somebody.context.clear_cookies()
    page.get_by_role("button", name="Add room").click()
    page.get_by_role("button", name="Sign in with Google").click()
    page.locator("button[name=account][value='it-admin@example.com']").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Room of the lost session")
    expect(page.get_by_label("Notes")).to_have_value(re.compile("Two lines,\r?\nboth kept"))
    expect(page.locator("#messages")).to_contain_text("nothing was sent")
