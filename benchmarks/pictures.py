"""Pictures of the main screens, for looking at them and for the README: `make screenshots`.

The whole product is started, as for a measurement, on a world that stands still; a browser signs in and goes from screen to screen,
at a desk and on a phone, in light and in dark. The pictures go to var/screenshots/; those of the README to docs/pictures/, too.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, StorageState, ViewportSize, sync_playwright

from benchmarks.stage import Stage, fetch, say, stage, wait_for
from embedded import chromium
from embedded.process import ROOT, Problem

FOLDER = ROOT / "var" / "screenshots"
OF_README = {"overview-desk-light": "overview", "room-desk-dark": "room", "mine-phone-light": "mine"}
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1440, "height": 900},
    "laptop": {"width": 1280, "height": 720},
    "phone": {"width": 390, "height": 844},
}
ADMIN, HELPDESK, OWNER = "it-admin@example.com", "helpdesk@example.com", "room-owner@example.com"
USUAL, MANY = 120, 2000  # rooms


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen: where it is, who looks in which language, what is done there before the picture is taken, and on which sizes that
    makes sense."""

    name: str
    address: str
    who: str = ADMIN
    act: Callable[[Page], object] | None = None
    sizes: tuple[str, ...] = ("desk", "phone")
    language: str = "en-GB"


def end_dialog(page: Page) -> None:
    """Open the first call's dialog."""
    page.locator("main a.danger").first.click()
    page.locator("dialog[open]").wait_for()


def command_bar(page: Page) -> None:
    """Open the command bar."""
    page.keyboard.press("Control+k")
    page.locator("dialog[open]").wait_for()


def forgotten(world: dict[str, Any]) -> str:
    """The code of a room whose call looks forgotten."""
    present = {
        call["space"]: sum(one["leftAt"] is None for one in call["participants"])
        for call in world["conferences"]
        if call["endTime"] is None
    }
    emptiest = min(present, key=lambda space: present[space])
    return next(str(one["meeting_code"]) for one in world["rooms"] if one["space"] == emptiest)


def busy_morning(code: str, home: str) -> list[Screen]:
    """The main screens, on a room with this code and address."""
    return [
        Screen("overview", "/"),
        Screen("end-dialog", "/", act=end_dialog),
        Screen("command-bar", "/", act=command_bar, sizes=("desk",)),
        Screen("wall", "/?tv=1", sizes=("desk",)),
        Screen("room", home),
        Screen("room-settings", f"{home}?tab=settings", sizes=("desk",)),
        Screen("settings-form", f"{home}settings/"),
        Screen("card", f"{home}card/", sizes=("desk",)),
        Screen("lookup", f"/lookup/?q=https://meet.google.com/{code.upper()}", HELPDESK),
        Screen("mine", "/mine/", OWNER),
        Screen("system", "/system/"),
        Screen("people", "/people/"),
        Screen("accounts", "/google/", sizes=("desk",)),
        Screen("audit", "/audit/"),
        Screen("styleguide", "/styleguide/", sizes=("desk",)),
        # In German, whose words are the longest.
        Screen("overview-german", "/", sizes=("phone", "laptop"), language="de-DE"),
        Screen("end-dialog-german", "/", act=end_dialog, sizes=("phone",), language="de-DE"),
        Screen("room-german", f"{home}?tab=settings", sizes=("phone",), language="de-DE"),
        Screen("system-german", "/system/", sizes=("phone",), language="de-DE"),
    ]


@dataclass
class Photographer:
    """A browser in front of one installation. People sign in once and are recognised afterwards, also when Google is away."""

    browser: Browser
    address: str
    signed_in: dict[str, StorageState] = field(default_factory=dict)

    def sign_in(self, *people: str) -> None:
        """Through Google's page, as a person does."""
        for who in people:
            context = self.browser.new_context()
            page = context.new_page()
            page.goto(self.address)
            page.get_by_role("button", name="Sign in with Google").click()
            page.locator(f"button[name=account][value='{who}']").click()
            page.wait_for_url(f"{self.address}/**")
            self.signed_in[who] = context.storage_state()
            context.close()

    def home(self, code: str) -> str:
        """The address of the room with this code, as the product says it."""
        context = self.browser.new_context(storage_state=self.signed_in[ADMIN])
        page = context.new_page()
        page.goto(f"{self.address}/lookup/?q={code}")
        found = page.locator("#answer .big a").get_attribute("href") or ""
        context.close()
        return found

    def warned(self) -> bool:
        """Whether the overview says that something is wrong."""
        context = self.browser.new_context(storage_state=self.signed_in[ADMIN])
        page = context.new_page()
        page.goto(self.address)
        found = page.locator("main [role=alert]").count() > 0
        context.close()
        return found

    def take(self, story: str, screens: Iterable[Screen]) -> None:
        """Every screen in all its sizes and both themes. Raises Problem when a page answers with an error."""
        for screen in screens:
            for size in screen.sizes:
                for theme in ("light", "dark"):
                    context = self.browser.new_context(
                        viewport=SIZES[size],
                        color_scheme="dark" if theme == "dark" else "light",
                        locale=screen.language,
                        storage_state=self.signed_in[screen.who],
                    )
                    page = context.new_page()
                    answer = page.goto(self.address + screen.address)
                    if answer is None or not answer.ok:
                        raise Problem(
                            f"{screen.address} answered {answer.status if answer else 'nothing'} to {screen.who}."
                        )
                    if screen.act:
                        screen.act(page)
                    page.screenshot(path=FOLDER / f"{screen.name}{story and '-'}{story}-{size}-{theme}.png")
                    context.close()
            say(f"  {screen.name} {story}")


@contextmanager
def product(browser: Browser, *, rooms: int, filled: bool = True) -> Iterator[tuple[Stage, Photographer]]:
    """Simulator, web, worker and beat; filled with the simulator's rooms or left empty; ready."""
    with stage() as place:
        place.env["DJANGO_SETTINGS_MODULE"] = "meetadmin.settings"
        place.simulator(rooms=rooms, scene="monday-morning")
        place.manage("seed_demo" if filled else "prepare")
        place.application("web", "worker", "beat")
        address = place.env["MEETADMIN_BASE_URL"]

        def ready() -> bool:
            try:
                return bool(fetch(f"{address}/readyz")["status"] == "ready")
            except OSError:
                return False

        wait_for(ready, seconds=120, every=0.3)
        yield place, Photographer(browser, address)


def photograph(browser: Browser) -> None:
    """All stories, one after the other."""
    lists = [
        Screen("overview", "/"),
        Screen("wall", "/?tv=1", sizes=("desk", "laptop")),
        Screen("mine", "/mine/", OWNER),
        Screen("system", "/system/"),
    ]
    with product(browser, rooms=USUAL) as (place, camera):
        camera.sign_in(ADMIN, HELPDESK, OWNER)
        code = forgotten(place.control("world"))
        camera.take("", busy_morning(code, camera.home(code)))
        place.control("faults", {"method": "*", "status": 503, "times": 0})
        wait_for(camera.warned, seconds=180, every=2)
        camera.take("google-down", lists)
    with product(browser, rooms=MANY) as (_, camera):
        camera.sign_in(ADMIN, OWNER)
        camera.take("many", lists)
    with product(browser, rooms=3, filled=False) as (_, camera):
        camera.sign_in(ADMIN, OWNER)
        camera.take("empty", lists)


def main() -> int:
    """Take all pictures; the exit code says whether that was possible."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave by the way that stops what was started
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    quiet = ["--disable-background-networking", "--no-first-run"]
    if os.geteuid() == 0:
        quiet.append("--no-sandbox")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.ensure(), args=quiet)
            photograph(browser)
            browser.close()
    except Problem as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    for name, short in OF_README.items():
        shutil.copyfile(FOLDER / f"{name}.png", ROOT / "docs" / "pictures" / f"{short}.png")
    say(f"The pictures are in {FOLDER}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
