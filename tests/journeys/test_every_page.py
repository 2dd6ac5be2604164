"""Every address of the product in a real browser: nothing the browser complains about, nothing from elsewhere, open to everybody."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Page, Response, expect

from tests.journeys.conftest import Stack, Visitor
from tests.journeys.test_one_room import address_of
from tests.journeys.test_stories import Arrive, stuck_room_of_the_owner

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]

NOWHERE = "/nowhere/"
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
NO_PAGE = {
    # Led elsewhere, or answers to programs.
    "join", "connect_callback", "google_callback", "google_login", "google_pubsub", "healthz", "readyz", "metrics", "live_rows",
    # Take a POST and lead back to a page.
    "reveal", "room_archive", "room_restore", "refresh", "selection", "selection_refresh", "star", "lookup_ask", "lookup_forget", "columns",
    "keys", "filter_save", "filter_drop", "identify", "building_delete", "person_switch", "person_keep_apart", "person_separate", "connect", "disconnect", "account_test", "account_check",
    # Sign somebody out, or are for those who are not in.
    "account_logout", "account_inactive", "socialaccount_login_cancelled", "socialaccount_login_error", "account_login",
}  # fmt: skip


def routes(patterns: list[URLPattern | URLResolver] | None = None) -> Iterator[str]:
    """The names of all addresses."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        elif pattern.name:
            yield pattern.name


def addresses(room: str, person: int, building: str, code: str) -> dict[str, list[str]]:
    """Where each named address is looked at, with the variants that look different."""
    home = f"/rooms/{room}/"
    return {
        "overview": ["/", "/?state=stuck", "/?q=nothing-is-called-this", "/?tv=1"],
        "room": [f"{home}?tab={tab}" for tab in ("history", "settings", "members", "spaces", "audit")],
        "room_card": [f"{home}card/"],
        "commands": ["/command/", "/command/?q=ber"],
        "preferences": ["/settings/"],
        "language": ["/language/"],
        "styleguide": ["/styleguide/"],
        "room_new": ["/rooms/new/"],
        "room_edit": [f"{home}edit/"],
        "end": [f"{home}end/"],
        "configure": [f"{home}settings/"],
        "space_create": [f"{home}create-space/"],
        "space_adopt": [f"{home}adopt-space/"],
        "lookup": ["/lookup/", f"/lookup/?q={code}", "/lookup/?q=zzz-zzzz-zzz", "/lookup/?q=nobody+knows"],
        "mine": ["/mine/"],
        "people": ["/people/"],
        "person": [f"/people/{person}/"],
        "person_merge": [f"/people/{person}/merge/"],
        "person_hand_over": [f"/people/{person}/hand-over/"],
        "buildings": ["/buildings/"],
        "building_new": ["/buildings/new/"],
        "building_edit": [building],
        "audit": ["/audit/"],
        "accounts": ["/google/"],
        "system": ["/system/"],
    }


@dataclass
class Inspector:
    """Watches one visitor's browser: what it fetches, from where, and how that went."""

    origin: str
    page: Page
    faults: list[str] = field(default_factory=list)
    address: str = ""

    def __post_init__(self) -> None:
        self.page.on("response", self._answered)
        self.page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.origin, "data:")):
            self.faults.append(f"{self.address} asks {url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.request.resource_type != "document":
            self.faults.append(f"{self.address}: {response.url} answered {response.status}")

    def open(self, address: str, status: int = 200) -> bool:
        """Open an address; whether there is the page that was expected."""
        self.address = address
        answer = self.page.goto(self.origin + address)
        if answer is not None and answer.status == status:
            return True
        self.faults.append(f"{address} answered {answer.status if answer else 'nothing'}")
        return False

    def rules(self, kind: str, *names: str) -> None:
        """Let axe read the page by these rules or sets of rules."""
        options = {"runOnly": {"type": kind, "values": list(names)}, "resultTypes": ["violations"]}
        result = Axe().run(self.page, options=options)
        if result.violations_count:
            self.faults.append(f"{self.address}\n{result.generate_report()}")

    def look(self, address: str, status: int = 200) -> None:
        """At a desk: everything in light, and the contrast again in dark, which changes nothing else."""
        if self.open(address, status):
            self.read()

    def read(self, what: str = "") -> None:
        """The page as it stands now; `what` names what is open on it."""
        self.address += what and f" ({what})"
        self.page.emulate_media(color_scheme="light")
        self.rules("tag", *RULES)
        self.page.emulate_media(color_scheme="dark")
        self.rules("rule", "color-contrast")

    def squeeze(self, address: str) -> None:
        """At the width of 320 pixels, a small phone or 400 % zoom: nothing makes the page scroll sideways, and what is to be hit is
        large enough (WCAG 2.2, 1.4.10 and 2.5.8)."""
        if self.open(address):
            width = self.page.evaluate("() => document.documentElement.scrollWidth")
            if width > 320:
                self.faults.append(f"{address} is {width} pixels wide")
            self.rules("rule", "target-size")


def test_every_page_is_sound(stack: Stack, visitor: Arrive) -> None:
    """Every named address, in light and in dark, read by axe; nothing from elsewhere, nothing missing, no complaint on the console."""
    one: Visitor = visitor("it-admin@example.com", reduced_motion="reduce")
    table = table_for(stack, one)
    missing = set(routes()) - table.keys() - NO_PAGE
    assert not missing, f"No line in this test for {sorted(missing)}: add them to `addresses` or to NO_PAGE."
    inspector = Inspector(stack.url, one.page)
    for address in chain.from_iterable(table.values()):
        inspector.look(address)
    inspector.look(NOWHERE, 404)
    assert not inspector.faults, "\n".join(inspector.faults)


def test_what_others_see_is_sound(stack: Stack, visitor: Arrive) -> None:
    """The pages that look different for helpdesk, owners and colleagues, and what each of them is refused."""
    own = stuck_room_of_the_owner(stack)
    other = stack.room(
        lambda room: room["call"] is not None and room["owner_email"] != "room-owner@example.com"
    )
    staff = visitor("it-admin@example.com").page
    home, foreign = (address_of(staff, stack, room).removeprefix(stack.url) for room in (own, other))
    found, few = (
        f"/lookup/?q={own['meeting_code']}",
        f"/?q={own['name'].rpartition(' ')[2]}",
    )  # that number in every building
    eyes: dict[str, dict[str, int]] = {
        "helpdesk@example.com": {few: 200, home: 200, f"{home}end/": 403, found: 200, "/people/": 403},
        "room-owner@example.com": {few: 200, "/mine/": 200, home: 200, f"{home}?tab=settings": 200, f"{home}end/": 200, found: 200},
        "participant@example.com": {
            few: 200, "/mine/": 200, foreign: 200, f"{foreign}end/": 403, found: 200, "/lookup/?q=zzz-zzzz-zzz": 200,
            "/rooms/no-such-room/": 404,
        },
    }  # fmt: skip
    faults = []
    for who, table in eyes.items():
        inspector = Inspector(stack.url, visitor(who, reduced_motion="reduce").page)
        for address, status in table.items():
            inspector.look(address, status)
        faults += [f"{who}: {fault}" for fault in inspector.faults]
    assert not faults, "\n".join(faults)


def test_every_page_fits_a_narrow_screen(stack: Stack, visitor: Arrive) -> None:
    """In German, whose words are the longest."""
    one: Visitor = visitor("it-admin@example.com", viewport={"width": 320, "height": 640})
    one.context.set_extra_http_headers({"Accept-Language": "de"})
    inspector = Inspector(stack.url, one.page)
    for address in chain.from_iterable(table_for(stack, one).values()):
        inspector.squeeze(address)
    assert not inspector.faults, "\n".join(inspector.faults)


def test_what_opens_over_a_page_is_sound(stack: Stack, visitor: Arrive) -> None:
    """Dialogs, the command bar, the keys, a form that asks once more."""
    one: Visitor = visitor("it-admin@example.com", reduced_motion="reduce")
    page, inspector = one.page, Inspector(stack.url, one.page)
    inspector.open("/")
    page.get_by_role("row").get_by_role("checkbox").nth(1).check()
    for keys, shown, what in (
        ("Control+k", "Copy the codes of 1 selected", "the command bar"),
        ("?", "Keyboard shortcuts", "the keys"),
    ):
        page.keyboard.press(keys)
        expect(page.get_by_role("dialog")).to_contain_text(shown)
        inspector.read(what)
        page.keyboard.press("Escape")
    page.get_by_role("link", name=re.compile("^End")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    inspector.read("the end dialog")
    home = table_for(stack, one)["configure"][0]
    inspector.open(home)
    page.get_by_label("Only through the app that made the space").check()
    page.get_by_label("Only invited people").check()
    page.get_by_role("button", name="Show what will change").click()
    expect(page.locator(".sure")).to_be_visible()
    inspector.read("what will change")
    assert not inspector.faults, "\n".join(inspector.faults)


def table_for(stack: Stack, one: Visitor) -> dict[str, list[str]]:
    """The addresses, with a room that has a call."""
    live: dict[str, Any] = stack.room(
        lambda room: room["call"] is not None and room["the_space"]["project"] == "meetadmin-demo"
    )
    slug = address_of(one.page, stack, live).strip("/").rpartition("/")[2]
    one.page.goto(f"{stack.url}/people/")
    href = one.page.locator("main a[href^='/people/']").first.get_attribute("href") or ""
    one.page.goto(f"{stack.url}/buildings/")
    building = one.page.locator("main th a[href^='/buildings/']").first.get_attribute("href") or ""
    return addresses(slug, int(re.sub(r"\D", "", href)), building, live["meeting_code"])
