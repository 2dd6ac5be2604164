"""What the overview weighs as it comes over the wire, and that nothing on it jumps when rows change."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Stack, Visitor
from tests.journeys.test_stories import SOON, idle_room, row_of

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]

Arrive = Callable[..., Visitor]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def test_the_first_load_is_below_200_kb_and_later_ones_below_20(stack: Stack, visitor: Arrive) -> None:
    """With style sheets, scripts and drawings, compressed; later: the list as a page that looks again gets it."""
    one = visitor("it-admin@example.com")
    session = one.context.new_cdp_session(one.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    weights: list[int] = []
    session.on("Network.loadingFinished", lambda event: weights.append(int(event["encodedDataLength"])))
    one.page.goto(stack.url)
    one.page.wait_for_load_state("networkidle")
    first, parts = sum(weights), len(weights)
    weights[:] = []
    board = one.page.locator("#board")
    now = board.get_attribute("data-now")
    one.page.evaluate("document.body.dispatchEvent(new CustomEvent('rooms-changed'))")
    expect(board).not_to_have_attribute("data-now", now or "", timeout=SOON)
    assert parts > 10, "style sheets, scripts, drawings and the page itself"
    assert 10_000 < first < 200_000
    assert 1_000 < max(weights) < 20_000


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_while_a_call_begins_grows_and_ends(
    stack: Stack, visitor: Arrive, size: dict[str, int]
) -> None:
    """The row, or on a phone the card, changes its state, its numbers and its buttons, and the counters above change; not one
    element changes its place."""
    room = idle_room(stack)
    page = visitor("it-admin@example.com", viewport=size).page
    page.goto(f"{stack.url}/?sort=name")  # an order that does not follow calls
    row = row_of(page, room)
    expect(row).to_have_attribute("data-state", "idle", timeout=SOON)
    row.evaluate("row => row.scrollIntoView({block: 'start'})")  # with others below it, in sight
    page.wait_for_load_state("networkidle")
    page.evaluate(
        "window.shifts = []; new PerformanceObserver(list => list.getEntries().forEach(entry => window.shifts.push("
        "[entry.value, entry.sources.map(one => one.node?.outerHTML?.slice(0, 200))])))"
        ".observe({type: 'layout-shift', buffered: false})"
    )
    call = stack.google.start_conference(room["space"], {"email": "participant@example.com"})
    expect(row).to_have_attribute("data-state", "live", timeout=SOON)
    stack.google.control("POST", f"conferences/{call['id']}/join", {"guest": "Visitor"})
    expect(row.locator(".kinds span[title^=People]")).to_contain_text("2", timeout=SOON)
    stack.google.control("POST", f"conferences/{call['id']}/end")
    expect(row).to_have_attribute("data-state", "idle", timeout=SOON)
    page.wait_for_function(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
    )
    shifts = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < 0.001, shifts
