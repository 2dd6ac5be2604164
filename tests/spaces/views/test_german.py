"""Every page in German: no English of ours is left on it."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from embedded import messages
from spaces.google.errors import broken
from spaces.models import Account, AuditEntry, Building, Person, Role, Room
from spaces.models.spaces import Liveness
from tests import factories

pytestmark = pytest.mark.slow  # every page

PIECES = re.compile(r">([^<>]+)<|\s(?:title|aria-label|placeholder|alt|data-label)=\"([^\"]*)\"")
UNSEEN = re.compile(r"<(script|style|template|code)\b.*?</\1>", re.DOTALL)


def patterns() -> dict[re.Pattern[str], str]:
    """Every English text that German says otherwise, as it may stand on a page with its values filled in."""
    found: dict[str, str] = {}
    for message in messages.read("de"):
        english = message.id if isinstance(message.id, list | tuple) else (message.id,)
        german = message.string if isinstance(message.string, list | tuple) else (message.string,)
        for one in english:
            if one and one not in german and not message.context:
                found[one] = str(german[0])
    parts = re.compile(r"%%|%\(\w+\)\w*|\{\w+\}|</?\w+>")

    def loose(text: str) -> str:
        fixed = [re.escape(part) for part in parts.split(text)]
        return ".+?".join(fixed) if re.search(r"\w{3}", parts.sub("", text)) else ""

    return {re.compile(pattern): text for text in found if (pattern := loose(text))}


@pytest.fixture(scope="module")
def english() -> dict[re.Pattern[str], str]:
    return patterns()


@pytest.fixture
def german(admin: Person) -> Client:
    """A German admin in a house in which there is something of everything."""
    Person.objects.filter(pk=admin.pk).update(language="de", name="Änne")
    site = factories.make_building()
    limited = factories.make_person("limited@example.com", role=Role.ADMIN)
    limited.buildings.set([site, Building.objects.create(code="HAM", name="Hamburg")])
    factories.make_person("gone@example.com", is_active=False)
    room = factories.make_room("Saal 1", building=site, owners=(admin,), deputies=(limited,))
    factories.make_room("Saal 2", building=site, owners=(), deputies=())
    assert room.space is not None
    factories.make_call(room.space, people=(admin,), devices=1)
    room.space.refresh_from_db()
    assert room.space.liveness == Liveness.ACTIVE
    for reason in ("revoked", "not_delegated", "clock"):
        account = factories.make_account(f"rooms-{reason}@example.com")
        account.record_failure("access", broken(reason), broken=True)
    Account.objects.create(
        email="own@example.com", kind=Account.Kind.CONSENTED, person=admin, sealed_token="x"
    )
    for number, outcome in enumerate(AuditEntry.Outcome):
        AuditEntry.objects.create(
            action="settings:change", actor=admin, actor_name=admin.label, room=room, target="Saal 1", outcome=outcome,
            reason="The room is needed", result_params={"sentence": "The call was already over. Nothing was sent."}, key=f"k{number}",
            before={"accessType": "OPEN", "moderation": "ON"}, after={"accessType": "TRUSTED", "moderation": "OFF"},
        )  # fmt: skip
    browser = Client()
    browser.force_login(admin)
    return browser


ADDRESSES = [
    "/", "/?tv=1", "/system/", "/styleguide/", "/settings/", "/settings/keys/", "/command/", "/?state=none&q=zzz", "/people/", "/people/?q=zzz", "/audit/", "/audit/?q=zzz", "/google/", "/language/", "/mine/",
    "/rooms/new/", "/rooms/ONE/edit/", "/rooms/ONE/", "/rooms/ONE/?tab=settings", "/rooms/ONE/?tab=links",
    "/rooms/ONE/?tab=members", "/rooms/ONE/?tab=audit", "/rooms/ONE/end/", "/rooms/ONE/settings/",
    "/rooms/ONE/create-space/", "/rooms/ONE/adopt-space/", "/rooms/ONE/card/", "/rooms/TWO/", "/lookup/",
    "/lookup/?q=saal", "/lookup/?q=saal+1", "/lookup/?q=https://zoom.us/j/1", "/lookup/?q=abc-mnop-xyz", "/nothing-here",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_english_is_left(german, english, address):
    slugs = dict(Room.objects.values_list("name", "slug"))
    reply = german.get(address.replace("ONE", slugs["Saal 1"]).replace("TWO", slugs["Saal 2"]))
    assert reply.status_code == (404 if address == "/nothing-here" else 200)
    text = UNSEEN.sub("", reply.content.decode())
    assert '<html lang="de">' in text
    left = set()
    for found in PIECES.findall(text):
        said = " ".join(unescape(found[0] or found[1]).split())
        left |= {said for pattern in english if said and pattern.fullmatch(said)}
    assert not left


@pytest.mark.parametrize("error", [{}, {"email": "x"}, {"email": "a@elsewhere.example", "role": "emperor"}])
def test_refused_forms_are_german_too(german, english, error):
    text = german.post(reverse("people"), error).content.decode()
    assert "Es wurde noch nichts gespeichert." in text
    assert "This field" not in text
    assert "Enter a valid" not in text


def test_the_comparison_finds_what_it_should(english):
    hits = [
        text
        for pattern, text in english.items()
        if pattern.fullmatch("Saal 1 is archived. Its link still works at Google; nothing was deleted.")
    ]
    assert hits == ["%(room)s is archived. Its link still works at Google; nothing was deleted."]
    assert not [text for pattern, text in english.items() if pattern.fullmatch("Personen")]
