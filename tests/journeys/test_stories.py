"""What people come for, in a real browser against the real web server, worker, timetable, Redis and simulator."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import Stack, Visitor

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

Arrive = Callable[..., Visitor]
SOON = 20_000  # milliseconds: a sweep every 2 s, a page's own look every 5 s, on a busy machine


def row_of(page: Page, room: dict[str, Any]) -> Locator:
    """The room's row or card in the list on the page."""
    return page.locator("[id^=room-]").filter(has=page.get_by_role("link", name=room["name"], exact=True))


def ends(stack: Stack) -> int:
    """How many conferences Google was asked to end."""
    return int(stack.google.control("GET", "requests")["by_method"].get("spaces.endActiveConference", 0))


def stay(page: Page) -> None:
    """Mark this very page, so that `stayed` can tell whether it was loaded again."""
    page.evaluate("() => { window.thisVeryPage = true }")


def stayed(page: Page) -> bool:
    """Whether the page is still the one that was marked."""
    return bool(page.evaluate("() => window.thisVeryPage === true"))


def quiet_room_of_the_owner(stack: Stack) -> dict[str, Any]:
    """A room of room-owner@ on a link created by this dashboard, without a call. Where all have one, one of them is ended."""

    def own(room: dict[str, Any]) -> bool:
        owner, project = room["owner_email"], room["the_space"]["project"]
        return bool(owner == "room-owner@example.com" and project == "meetadmin-demo")

    for room in stack.rooms(own):
        if room["call"] is None:
            return room
    room = stack.room(own)
    stack.google.control("POST", f"conferences/{room['call']['id']}/end", {})
    return room


def stuck_room_of_the_owner(stack: Stack) -> dict[str, Any]:
    """A room of room-owner@ in whose call only devices are left, since half a day. Stories share one world: if another one has
    ended the call that was there, this begins one."""

    def fits(room: dict[str, Any]) -> bool:
        return (
            room["owner_email"] == "room-owner@example.com"
            and room["the_space"]["project"] == "meetadmin-demo"
            and stack.present(room, "device") > 0
            and stack.present(room, "person") == 0
        )

    found = next(stack.rooms(fits), None)
    if found is None:
        room = quiet_room_of_the_owner(stack)
        stack.google.start_conference(room["space"], {"device": room["device"]["name"]}, ago=46_000)
        found = stack.room(fits)
    return found


def idle_room(stack: Stack, *, taken: tuple[str, ...] = ()) -> dict[str, Any]:
    """A room of ours with nothing on."""
    return stack.room(
        lambda room: (
            room["call"] is None
            and room["the_space"]["project"] == "meetadmin-demo"
            and room["name"] not in taken
        )
    )


def test_an_owner_ends_a_stuck_call_and_sees_the_row_change(stack: Stack, visitor: Arrive) -> None:
    room = stuck_room_of_the_owner(stack)
    before = ends(stack)
    page = visitor("room-owner@example.com").page
    page.goto(f"{stack.url}/mine/")
    card = row_of(page, room)
    expect(card).to_contain_text("Stuck", timeout=SOON)
    stay(page)
    card.get_by_role("link", name="End…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Removes 2 devices from the call")
    dialog.get_by_role("button", name="End the call").click()
    expect(page.locator("#messages")).to_contain_text(room["name"])
    expect(card).to_contain_text("Idle", timeout=SOON)
    assert stayed(page)
    assert ends(stack) == before + 1
    assert stack.room(lambda one: one["name"] == room["name"])["call"] is None

    page = visitor("it-admin@example.com").page
    page.goto(f"{stack.url}/audit/?q={room['name']}")
    entry = page.locator("tr, li").filter(has_text="room-owner@example.com").first
    expect(entry).to_contain_text("Done")
    expect(entry).to_contain_text("Nobody left in the call")


def test_helpdesk_pastes_a_link_and_reads_the_verdict_and_cannot_end(stack: Stack, visitor: Arrive) -> None:
    room = stack.room(lambda one: one["call"] is not None and stack.present(one, "person") > 1)
    before = ends(stack)
    page = visitor("helpdesk@example.com").page
    search = page.get_by_role("banner").get_by_role("searchbox")
    search.fill(f"https://meet.google.com/{room['meeting_code'].upper()}?authuser=1&hs=122#x")
    search.press("Enter")
    answer = page.locator("#answer")
    expect(answer).to_contain_text(room["name"])
    expect(answer).to_contain_text(re.compile("Live|Stuck"))
    expect(answer).to_contain_text(room["owner_email"])
    expect(page.get_by_role("link", name=re.compile("^End"))).to_have_count(0)

    address = answer.get_by_role("link", name=room["name"]).first.get_attribute("href")
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    forged = {
        "conference": room["call"]["name"],
        "preset": "The room is needed",
        "confirm": room["name"],
        "key": "k" * 24,
    }
    refused = page.request.post(
        f"{stack.url}{address}end/",
        form=forged | {"csrfmiddlewaretoken": token},
        headers={"Referer": stack.url, "Origin": stack.url},
    )
    assert refused.status == 403
    assert "Only the room" in refused.text()
    assert ends(stack) == before
    assert stack.room(lambda one: one["name"] == room["name"])["call"] is not None


def test_an_admin_adds_a_room_creates_its_link_sets_it_up_and_adopts_another(
    stack: Stack, visitor: Arrive
) -> None:
    page = visitor("it-admin@example.com").page
    page.get_by_role("link", name="Add room").click()
    page.get_by_label("Name", exact=True).fill("Workshop")
    page.get_by_label("New building").fill("Annex")
    page.get_by_label("Owners").fill("room-owner@example.com")
    page.get_by_role("button", name="Add room").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Workshop")

    page.get_by_role("link", name="Create a link").click()
    page.get_by_label("Account that owns it").select_option(label="rooms-ber@example.com")
    page.get_by_role("button", name="Create the link").click()
    expect(page.locator("#messages")).to_contain_text("Workshop now has the link")
    made = stack.google.world()["spaces"]
    code = page.locator("header code, .head code").first.inner_text()
    assert any(space["meetingCode"] == code and space["owner"] == "rooms-ber@example.com" for space in made)

    page.get_by_role("link", name="Settings…").click()
    page.get_by_role("group", name="Who may join without knocking").get_by_label(
        "Anyone with the link"
    ).check()
    page.get_by_role("button", name="Show what will change").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check the changes")
    expect(page.locator("ins").first).to_contain_text("Anyone with the link")
    page.get_by_role("button", name="Save 1 change").click()
    expect(page.locator("#messages")).to_contain_text("are saved")
    space = next(one for one in stack.google.world()["spaces"] if one["meetingCode"] == code)
    assert space["config"]["accessType"] == "OPEN"

    spare = stack.google.control("POST", "token", {"email": "rooms-ber@example.com", "scopes": ["created"]})
    _, fresh = stack.google.call("POST", "/v2/spaces", {}, token=spare["access_token"])
    page.get_by_role("link", name=re.compile("existing link")).click()
    page.get_by_label("Meet link, code or invitation").fill(
        f"Join: {fresh['meetingUri']}?authuser=0 (or by phone)"
    )
    page.get_by_role("button", name="Use this link").click()
    expect(page.locator("#messages")).to_contain_text(fresh["meetingCode"])
    page.goto(f"{stack.url}/lookup/?q={code}")
    expect(page.locator("#answer")).to_contain_text("an old link of")


def test_a_stranger_from_another_domain_is_refused(stack: Stack, visitor: Arrive) -> None:
    one = visitor()
    page = one.sign_in("stranger@elsewhere.example")
    expect(page.get_by_role("heading", level=1)).to_contain_text("does not belong to this organisation")
    expect(page.locator("main")).to_contain_text("example.com")
    page.goto(f"{stack.url}/people/")
    expect(page.get_by_role("button", name="Sign in with Google")).to_be_visible()


def test_a_call_that_begins_appears_without_reload(stack: Stack, visitor: Arrive) -> None:
    room = idle_room(stack)
    page = visitor("helpdesk@example.com").page
    page.goto(f"{stack.url}/?q={room['meeting_code']}")
    row = row_of(page, room)
    expect(row).to_contain_text("Idle", timeout=SOON)
    stay(page)
    search = page.get_by_label("Search", exact=True).last
    search.focus()
    call = stack.google.start_conference(
        room["space"], {"email": "participant@example.com"}, {"device": room["device"]["name"]}
    )
    expect(row).to_contain_text("Live", timeout=SOON)
    assert stayed(page)
    expect(search).to_be_focused()
    stack.google.control("POST", f"conferences/{call['id']}/end")
    expect(row).to_contain_text("Idle", timeout=SOON)
    assert stayed(page)


def test_without_javascript_an_admin_ends_a_call_in_which_people_are(stack: Stack, visitor: Arrive) -> None:
    room = idle_room(stack)
    stack.google.start_conference(room["space"], {"email": "participant@example.com"}, {"guest": "Visitor"})
    page = visitor("it-admin@example.com", java_script_enabled=False).page
    page.goto(f"{stack.url}/lookup/?q={room['name']}")
    page.locator("#answer").get_by_role("link", name=room["name"]).first.click()
    page.get_by_role("button", name=re.compile("Refresh")).first.click()
    page.get_by_role("link", name="End…").click()
    page.get_by_label("The room is needed").check()
    page.get_by_role("button", name="End the call").click()
    expect(page.locator("main form")).to_contain_text("People are in this call")
    page.get_by_label("Type the room's name").fill(room["name"])
    page.get_by_role("button", name="End the call").click()
    expect(page.locator("#messages")).to_contain_text("is over")
    assert stack.room(lambda one: one["name"] == room["name"])["call"] is None


def test_somebody_connects_and_disconnects_their_google_account(stack: Stack, visitor: Arrive) -> None:
    page = visitor("participant@example.com").page
    page.goto(f"{stack.url}/google/")
    page.get_by_role("button", name="Connect participant@example.com").click()
    page.locator("button[name=account][value='participant@example.com']").click()
    expect(page.locator("#messages")).to_contain_text("is connected")
    page.get_by_role("button", name=re.compile("Disconnect")).click()
    expect(page.locator("#messages")).to_contain_text("is disconnected")
