"""The overview in a real browser: by keyboard alone, on the wall, without JavaScript, and in both lights."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import Stack, Visitor

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

Arrive = Callable[..., Visitor]
SOON = 20_000  # milliseconds, on a busy machine


def rows(page: Page) -> Locator:
    """The rows of the list."""
    return page.locator("tr[id^=room-]")


def focused_room(page: Page) -> str:
    """The room whose row has the focus."""
    name: str = page.evaluate(
        "document.activeElement.closest('tr[id^=room-]')?.querySelector('th a').textContent ?? ''"
    )
    return name


def test_an_admin_works_through_the_list_by_keyboard_alone(stack: Stack, visitor: Arrive) -> None:
    page = visitor("it-admin@example.com").page
    page.goto(f"{stack.url}/?sort=name")  # an order that no call changes
    names = rows(page).locator("th a").all_inner_texts()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    page.keyboard.press("j")
    assert focused_room(page) == names[1]

    # Other orders, and back: the next Tab goes on from the head that was pressed.
    for order in ("-name", "need", "name"):
        page.locator("thead").get_by_role("link", name="Room").focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{stack.url}/?sort={order}")
        expect(page.locator("thead").get_by_role("link", name="Room")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("j")
    assert focused_room(page) == names[1]

    # Ticked rooms stay ticked while the list is fetched anew, and on its next page.
    page.keyboard.press("x")
    bar = page.locator("#selection")
    expect(bar).to_contain_text("1 selected")
    board, now = page.locator("#board"), page.locator("#board").get_attribute("data-now")
    page.evaluate("document.body.dispatchEvent(new CustomEvent('rooms-changed'))")
    expect(board).not_to_have_attribute("data-now", now or "", timeout=SOON)
    tick = page.get_by_role("checkbox", name=f"Select {names[1]}", exact=True)
    expect(tick).to_be_checked()
    assert focused_room(page) == names[1]
    # Filtered away and back, its row is a new one.
    state = page.locator("#filters").get_by_label("State", exact=True)
    state.select_option("none")
    expect(tick).to_have_count(0, timeout=SOON)
    expect(bar).to_contain_text("1 selected")
    state.select_option("")
    expect(tick).to_be_checked(timeout=SOON)
    page.get_by_role("link", name=names[1], exact=True).focus()

    # A star by its key is there after a reload.
    star = page.get_by_role("button", name=f"Favourite: {names[1]}", exact=True)
    for pressed in ("true", "false", "true"):
        with page.expect_response(re.compile("/star/")):
            page.keyboard.press("f")
        expect(star).to_have_attribute("aria-pressed", pressed)
    page.reload()
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(bar).to_contain_text("1 selected")

    # Letters do nothing while somebody types, and nothing at all once they are switched off.
    page.keyboard.press("/")
    page.keyboard.type("jx?")
    expect(page.get_by_role("banner").get_by_role("searchbox")).to_have_value("jx?")
    expect(bar).to_contain_text("1 selected")
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    keys.get_by_label(re.compile("Single keys are shortcuts")).uncheck()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("j")
    assert focused_room(page) == ""
    page.evaluate("localStorage.clear()")


def test_e_opens_the_end_dialog_and_closing_it_leads_back(stack: Stack, visitor: Arrive) -> None:
    page = visitor("it-admin@example.com").page
    page.goto(f"{stack.url}/?state=live")
    expect(rows(page).locator("a.danger").first).to_be_visible(timeout=SOON)
    page.keyboard.press("j")
    while not page.locator("tr:focus-within a.danger").count():
        page.keyboard.press("j")
    name = focused_room(page)
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"End the call in {name}?")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert focused_room(page) == name


def test_the_command_bar_goes_and_does(stack: Stack, visitor: Arrive) -> None:
    page = visitor("it-admin@example.com").page
    room = stack.room(lambda one: one["the_space"]["project"] == "meetadmin-demo")
    page.keyboard.press("Control+k")
    bar = page.locator("#commands")
    expect(bar.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(room["name"])
    expect(bar.locator("#found li").first).to_contain_text(room["name"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(room["name"])

    # On a room's page its actions come first; typed and confirmed before the answer is there, the right one is done.
    page.keyboard.press("Control+k")
    expect(bar).to_contain_text(f"Refresh {room['name']}")
    page.keyboard.type(f"refresh {room['name']}", delay=1)
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text(f"{room['name']} refreshed", timeout=SOON)
    expect(bar).to_be_hidden()

    page.keyboard.press("Control+k")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(bar.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()


def test_columns_leave_room_for_reasons_at_every_width(stack: Stack, visitor: Arrive) -> None:
    """From a phone to a large screen: reasons are lines of words, buttons stay in their cells, and nothing
    makes the page scroll sideways."""
    one = visitor("it-admin@example.com")
    page = one.page
    one.context.set_extra_http_headers({"Accept-Language": "de"})
    for address in ("/?state=stuck", "/?state=stuck&tv=1"):
        page.goto(stack.url + address)
        for width in (390, 720, 800, 900, 1024, 1100, 1180, 1280, 1440, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            narrow, out, wide = page.evaluate(
                """() => [
                    Math.min(...[...document.querySelectorAll("td .why")]
                        .filter((why) => why.offsetHeight > 24)  // a reason on one line needs no more room than its words
                        .map((why) => why.offsetWidth)),
                    [...document.querySelectorAll("td.acts")].filter((cell) => cell.scrollWidth > cell.clientWidth).length,
                    document.documentElement.scrollWidth,
                ]"""
            )
            assert narrow >= 100, f"A reason has {narrow} pixels at {width}."
            assert not out, f"{out} buttons stick out of their cells at {width}."
            assert wide <= width, f"The page is {wide} pixels wide at {width}."


def test_the_wall_tells_its_age_and_changes_by_itself(stack: Stack, visitor: Arrive) -> None:
    page = visitor("it-admin@example.com", viewport={"width": 1920, "height": 1080}).page
    page.goto(f"{stack.url}/?tv=1")
    expect(page.locator("#wall")).to_contain_text("checked")
    expect(page.locator("#wall .state").first).to_be_visible()
    assert page.locator("button, input, select").count() == 0
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    first = page.locator("#wall").get_attribute("data-now")
    expect(page.locator("#wall")).not_to_have_attribute("data-now", first or "", timeout=SOON)


def test_without_javascript_filters_columns_stars_and_selection_work(stack: Stack, visitor: Arrive) -> None:
    page = visitor("helpdesk@example.com", java_script_enabled=False).page
    page.get_by_label("State", exact=True).select_option(label="Idle")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "state=idle" in page.url
    page.get_by_text("Save these filters…").click()
    page.get_by_label("Name", exact=True).fill("Quiet rooms")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Quiet rooms")).to_have_attribute("aria-current", "true")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Owner", exact=True).check()
    page.get_by_role("button", name="Show these columns").click()
    expect(page.get_by_role("columnheader", name="Owner")).to_be_visible()
    name = rows(page).first.locator("th a").inner_text()
    page.get_by_role("button", name=f"Favourite: {name}", exact=True).click()
    page.goto(f"{stack.url}/?starred=on")
    assert rows(page).locator("th a").all_inner_texts() == [name]
    page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
    page.get_by_role("button", name="Links").click()
    expect(page.get_by_role("row", name=re.compile(name))).to_contain_text("https://meet.google.com/")


def test_a_narrow_screen_shows_cards_and_nothing_sticks_out(stack: Stack, visitor: Arrive) -> None:
    page = visitor("it-admin@example.com", viewport={"width": 320, "height": 640}).page
    expect(rows(page).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    first = rows(page).first
    assert first.bounding_box()["height"] > 80  # type: ignore[index]
    small = page.evaluate(
        "[...document.querySelectorAll('main button, main .btn, main input, main select')]"
        ".filter(e => e.getClientRects().length && !e.closest('.unseen'))"
        ".map(e => [e.outerHTML.slice(0, 80), (e.closest('label') ?? e).getBoundingClientRect()])"
        ".filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"
    )
    assert small == []
