"""The session ends while somebody is in the middle of something, in German, in a real browser."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Stack
from tests.journeys.test_stories import SOON, Arrive, ends, row_of

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

SESSION = "meetadmin-session"


def stuck_room_of_somebody_else(stack: Stack) -> dict[str, Any]:
    """A room in whose call only devices are left; not one of room-owner@, whose stuck calls other stories end."""
    return stack.room(
        lambda room: (
            room["owner_email"] != "room-owner@example.com"
            and room["the_space"]["project"] == "meetadmin-demo"
            and stack.present(room, "device") > 0
            and stack.present(room, "person") == 0
        )
    )


def test_nothing_typed_is_lost_and_nothing_is_done_by_itself(stack: Stack, visitor: Arrive) -> None:
    room = stuck_room_of_somebody_else(stack)
    before = ends(stack)
    somebody = visitor(locale="de-DE")
    page = somebody.page
    page.goto(f"{stack.url}/?{urlencode({'q': room['name']})}")
    page.get_by_role("button", name="Mit Google anmelden").click()
    page.locator("button[name=account][value='it-admin@example.com']").click()
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
    page.locator("button[name=account][value='it-admin@example.com']").click()
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
    somebody.context.clear_cookies(name=SESSION)
    page.get_by_role("button", name="Add room").click()
    page.get_by_role("button", name="Sign in with Google").click()
    page.locator("button[name=account][value='it-admin@example.com']").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Room of the lost session")
    expect(page.get_by_label("Notes")).to_have_value(re.compile("Two lines,\r?\nboth kept"))
    expect(page.locator("#messages")).to_contain_text("nothing was sent")
