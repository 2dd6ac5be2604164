"""How many steps the main jobs take, counted: from a page in the middle of the product, by mouse, by touch and by keyboard alone.

An action is a click, a tap, or one thing done at the keyboard: a shortcut, a word typed or pasted and sent off.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import Stack, Visitor
from tests.journeys.test_one_room import PHONE, address_of, retry
from tests.journeys.test_stories import SOON, ends, idle_room, quiet_room_of_the_owner

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]

Arrive = Callable[..., Visitor]


class Hands:
    """Does things on a page and counts them."""

    def __init__(self, page: Page, *, touch: bool = False) -> None:
        self.page, self.touch, self.actions = page, touch, 0

    def press(self, what: Locator) -> None:
        """A click or a tap."""
        self.actions += 1
        what.tap() if self.touch else what.click()

    def keys(self, *keys: str) -> None:
        """One thing at the keyboard."""
        self.actions += 1
        for key in keys:
            if len(key) == 1 or key in {"Enter", "Escape"}:
                self.page.keyboard.press(key)
            else:
                self.page.keyboard.insert_text(key)

    def search(self, words: str) -> None:
        """Typed into the field that every page has, and sent off."""
        if not self.touch:
            return self.keys("/", words, "Enter")
        self.actions += 1
        field = self.page.get_by_role("banner").get_by_role("searchbox")
        field.tap()
        field.fill(words)
        return field.press("Enter")


def forgotten(stack: Stack) -> dict[str, Any]:
    """A room whose call everybody has left but the room's own device, half a day ago."""
    room = idle_room(stack)
    stack.google.start_conference(room["space"], {"device": room["device"]["name"]}, ago=46_000)
    return room


def wait_until_stuck(page: Page, stack: Stack, room: dict[str, Any]) -> None:
    """Until the product knows of it; not part of what is counted."""

    def known() -> None:
        page.goto(f"{stack.url}/lookup/?q={room['meeting_code']}")
        expect(page.locator("#answer .state").first).to_have_text("Stuck", timeout=500)

    retry(known)


def over(page: Page, stack: Stack, room: dict[str, Any], before: int) -> None:
    """The call is over, at Google, too; the page says so, and the focus is somewhere that reads it out."""
    expect(page.locator("#messages")).to_contain_text("is over")
    assert ends(stack) == before + 1
    assert stack.room(lambda one: one["name"] == room["name"])["call"] is None


@pytest.mark.parametrize("by", ["mouse", "touch", "keyboard"])
def test_it_ends_the_stuck_call_of_a_named_room_in_three_actions(
    stack: Stack, visitor: Arrive, by: str
) -> None:
    room, before = forgotten(stack), ends(stack)
    page = visitor("it-admin@example.com", **(PHONE if by == "touch" else {})).page
    wait_until_stuck(page, stack, room)
    page.goto(f"{stack.url}/google/")
    hands = Hands(page, touch=by == "touch")
    hands.search(room["name"])
    answer = page.locator("#answer")
    expect(answer).to_contain_text("Looks abandoned. End it?")
    dialog = page.get_by_role("dialog")
    if by == "keyboard":
        # It can be left again, and then the focus is where it was.
        expect(answer.locator(".verdict")).to_be_focused()
        page.keyboard.press("e")
        expect(dialog).to_contain_text("Removes 1 device from the call")
        page.keyboard.press("Escape")
        expect(answer.locator(".verdict")).to_be_focused()
        hands.keys("e")
    else:
        hands.press(answer.get_by_role("link", name=re.compile("^End")).first)
    expect(dialog).to_contain_text("from the call in")
    if by == "keyboard":
        hands.keys("Enter")
    else:
        hands.press(dialog.get_by_role("button", name="End the call"))
    over(page, stack, room, before)
    assert hands.actions == 3
    if by == "keyboard":
        expect(page.locator("#messages")).to_be_focused()


def test_helpdesk_has_the_verdict_in_one_action_on_a_phone(stack: Stack, visitor: Arrive) -> None:
    """By keyboard: test_one_room."""
    room = stack.room(lambda one: one["call"] is not None and one["the_space"]["project"] == "meetadmin-demo")
    page = visitor("helpdesk@example.com", **PHONE).page
    page.goto(address_of(page, stack, room) + "?tab=history")
    hands = Hands(page, touch=True)
    hands.search(f"Join: https://meet.google.com/{room['meeting_code'].upper()}?authuser=1 or by phone")
    expect(page.locator("#answer .verdict")).to_contain_text(f"This is the link of {room['name']}")
    expect(page.locator("#answer .step")).to_contain_text("Next step:")
    assert hands.actions == 1


@pytest.mark.parametrize("by", ["touch", "keyboard"])
def test_an_owner_ends_a_call_in_two_actions_from_my_rooms(stack: Stack, visitor: Arrive, by: str) -> None:
    room = quiet_room_of_the_owner(stack)
    stack.google.start_conference(room["space"], {"device": room["device"]["name"]}, ago=46_000)
    before = ends(stack)
    page = visitor("room-owner@example.com", **(PHONE if by == "touch" else {})).page
    page.goto(f"{stack.url}/mine/")
    card = page.locator("[id^=room-]").filter(has=page.get_by_role("link", name=room["name"], exact=True))
    expect(card.locator(".state")).to_have_text("Stuck", timeout=SOON)
    hands = Hands(page, touch=by == "touch")
    dialog = page.get_by_role("dialog")
    if by == "keyboard":
        while not card.locator(":focus").count():
            page.keyboard.press("j")  # walking to it is reading, not acting
        hands.keys("e")
        expect(dialog).to_contain_text("from the call in")
        hands.keys("Enter")
    else:
        hands.press(card.get_by_role("link", name=re.compile("^End")))
        hands.press(dialog.get_by_role("button", name="End the call"))
    over(page, stack, room, before)
    assert hands.actions == 2
