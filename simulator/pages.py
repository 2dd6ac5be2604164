"""The few pages for people: choosing an account, refusals, and the front door."""

from collections.abc import Iterable
from html import escape

from simulator.entities import Person
from simulator.identity import CREATED, READONLY, SETTINGS

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 34rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; }
h2 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p.note { opacity: .75; margin-top: 0; }
ul { list-style: none; margin: 0; padding: 0; }
ul.accounts { display: grid; gap: .4rem; }
ul.accounts button { width: 100%; display: flex; justify-content: space-between; gap: 1rem; text-align: left;
  font: inherit; padding: .6rem .9rem; border: 1px solid #8886; border-radius: .6rem; background: transparent;
  color: inherit; cursor: pointer; }
ul.accounts button:hover, ul.accounts button:focus-visible { border-color: #1a73e8; }
ul.accounts span { opacity: .75; overflow-wrap: anywhere; }
fieldset { border: 1px solid #8886; border-radius: .6rem; margin: 1rem 0 0; }
button.cancel { margin-top: 1.5rem; font: inherit; padding: .4rem .9rem; }
"""
SCOPE_TEXT = {
    CREATED: "Create, edit and see conferences created by the app",
    READONLY: "Read information about any of your conferences",
    SETTINGS: "Edit and see the settings of all your calls",
}


def page(title: str, body: str, *, style: str = "") -> str:
    """A whole page; ``style`` comes after the style of all pages."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _accounts(title: str, people: Iterable[Person]) -> str:
    items = "\n".join(
        f'<li><button type="submit" name="account" value="{escape(each.email)}">'
        f"<strong>{escape(each.name)}</strong><span>{escape(each.email)}</span></button></li>"
        for each in people
    )
    return f'<h2>{escape(title)}</h2>\n<ul class="accounts">\n{items}\n</ul>' if items else ""


def choose_account(
    *,
    action: str,
    parameters: list[tuple[str, str]],
    groups: list[tuple[str, list[Person]]],
    meet_scopes: list[str],
) -> str:
    """The sign-in page: every account is a button; asked Meet scopes can be unticked."""
    hidden = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in parameters
    )
    consent = ""
    if meet_scopes:
        boxes = "\n".join(
            f'<li><label><input type="checkbox" name="granted_scope" value="{escape(scope)}" checked> '
            f"{escape(SCOPE_TEXT[scope])}</label></li>"
            for scope in meet_scopes
        )
        consent = (
            '<fieldset><legend>The app asks to</legend>\n<input type="hidden" name="consent" value="shown">\n'
            f"<ul>{boxes}</ul></fieldset>"
        )
    body = (
        "<h1>Choose an account</h1>\n"
        '<p class="note">to continue to <strong>Meetadmin</strong>. This is the simulator: no real Google account '
        "is involved, and no password is asked.</p>\n"
        f'<form method="post" action="{escape(action)}">\n{hidden}\n{consent}\n'
        + "\n".join(_accounts(title, people) for title, people in groups)
        + '\n<button class="cancel" type="submit" name="cancel" value="1">Cancel</button>\n</form>'
    )
    return page("Choose an account", body)


def refusal(error: str, sentence: str) -> str:
    """The page Google shows when it will not even send the browser back to the app."""
    return page(
        f"Error 400: {error}",
        f"<h1>Access blocked: this app’s request is invalid</h1>\n<p>{escape(sentence)}</p>\n"
        f"<p><strong>Error 400: {escape(error)}</strong></p>",
    )


def front_door(*, scene: str, rooms: int, seed: int) -> str:
    """What this address is."""
    return page(
        "Simulator",
        "<h1>Simulated Google</h1>\n"
        "<p>This address pretends to be Google: sign-in and the Meet API, for demos and tests of Meetadmin. "
        "Nothing here reaches the real Google.</p>\n"
        f"<p>Scene <strong>{escape(scene)}</strong>, {rooms} rooms, seed {seed}.</p>\n"
        '<ul><li><a href="/_control/world">The whole world as JSON</a></li>'
        '<li><a href="/_control/requests">Requests so far</a></li>'
        '<li><a href="/.well-known/openid-configuration">Sign-in addresses</a></li></ul>',
    )
