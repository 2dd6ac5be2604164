"""One room at a time: ending from an alert's address on a phone, the verdict for the helpdesk, settings, the width of a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Stack
from tests.journeys.test_stories import SOON, Arrive, ends, quiet_room_of_the_owner

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}


def address_of(page: Page, stack: Stack, room: dict[str, Any]) -> str:
    """The room's page."""
    page.goto(f"{stack.url}/lookup/?q={room['meeting_code']}")
    link = page.locator("#answer").get_by_role("link", name=room["name"], exact=True).first
    return f"{stack.url}{link.get_attribute('href')}"


@pytest.mark.parametrize("script", [True, False], ids=["", "without JavaScript"])
def test_an_owner_ends_a_call_with_two_taps_from_the_address_in_an_alert(
    stack: Stack, visitor: Arrive, *, script: bool
) -> None:
    room = quiet_room_of_the_owner(stack)
    page = visitor("room-owner@example.com", java_script_enabled=script, **PHONE).page
    address = address_of(page, stack, room)
    stack.google.start_conference(room["space"], {"device": room["device"]["name"]})
    before = ends(stack)

    def known() -> None:
        page.goto(address)
        expect(page.locator("#now")).to_contain_text("Live", timeout=1000)

    retry(known)
    page.goto(f"{address}end/")  # the first tap: on the address
    button = page.get_by_role("button", name="End the call")
    expect(page.locator("main form")).to_contain_text("Removes 1 device from the call")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    button.tap()
    expect(page.locator("#messages")).to_contain_text("is over")
    expect(page.get_by_role("button", name="End the call")).to_have_count(0)
    assert ends(stack) == before + 1


def retry(check: Callable[[], None]) -> None:
    """Until it holds; each try waits by itself. For pages that do not look again on their own."""
    for _ in range(SOON // 1000):
        try:
            check()
        except AssertionError:
            continue
        return
    check()


def test_helpdesk_has_the_verdict_and_the_next_step_after_one_action_by_keyboard(
    stack: Stack, visitor: Arrive
) -> None:
    room = stack.room(lambda one: one["call"] is not None and one["the_space"]["project"] == "meetadmin-demo")
    page = visitor("helpdesk@example.com").page
    page.goto(f"{stack.url}/google/")
    page.keyboard.press("/")
    page.keyboard.insert_text(f"Join here: https://meet.google.com/{room['meeting_code']} or by phone")
    page.keyboard.press("Enter")
    expect(page.locator("#answer .verdict")).to_be_focused()
    answer = page.locator("#answer")
    expect(answer).to_contain_text(f"This is the link of {room['name']}")
    expect(answer).to_contain_text("Next step:")
    letter = answer.get_by_role("link", name="Email the owner")
    assert str(letter.get_attribute("href")).startswith(f"mailto:{room['owner_email']}?subject=")
    answer.get_by_role("button", name="Show names").press("Enter")
    expect(answer.locator(".names")).to_contain_text("That you looked is in the audit trail")
    expect(answer.locator(".names")).to_be_focused()  # the button is gone

    # Several answers: down into them, up again, and the one before is a key away.
    page.goto(f"{stack.url}/lookup/?q=berlin")
    page.locator("#lookup-q").focus()
    page.keyboard.press("ArrowDown")
    first = page.locator("#answer .room a").first
    expect(first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#lookup-q")).to_be_focused()
    expect(page.locator(".recent")).to_contain_text(room["meeting_code"])
    page.locator(".recent").get_by_role("button", name="Clear").click()
    expect(page.locator(".recent")).to_have_count(0)


def test_host_controls_are_greyed_out_while_host_management_is_off(stack: Stack, visitor: Arrive) -> None:
    room = quiet_room_of_the_owner(stack)
    page = visitor("room-owner@example.com").page
    page.goto(f"{address_of(page, stack, room)}settings/")
    host = page.get_by_role("group", name="Host management")
    chat = page.get_by_role("group", name="Who may write in the chat")
    host.get_by_label("Off").check()
    expect(chat.get_by_label("Everybody")).to_be_disabled()
    expect(page.locator(".resting")).to_be_visible()
    host.get_by_label("On", exact=True).check()
    expect(chat.get_by_label("Everybody")).to_be_enabled()
    expect(page.locator(".resting")).to_be_hidden()
    host.get_by_label("Off").check()
    page.get_by_role("button", name="Show what will change").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check the changes")
