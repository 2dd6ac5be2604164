"""One room's page, its card for the wall, its stable address."""

import re

import pytest
import segno
from django.urls import reverse

from spaces.models import Person, Room
from tests import factories


@pytest.fixture
def room(owner: Person) -> Room:
    """A quiet room of the owner."""
    return factories.make_room("Berlin 3.14", floor="3", capacity=12, owners=(owner,), slug="berlin-3-14")


# --- The card for the wall ---------------------------------------------------------------------------------


def test_the_card_leads_to_the_stable_address_on_the_configured_site(room, colleague, sign_in, settings):
    settings.BASE_URL = "https://meet.example.com"
    reply = sign_in(colleague).get(reverse("room_card", args=[room.slug]))
    text = reply.content.decode()
    assert reply.context["address"] == "https://meet.example.com/r/berlin-3-14"
    assert "meet.example.com/r/berlin-3-14" in text
    assert "testserver" not in text
    assert "Berlin 3.14" in text


def test_the_code_on_the_card_is_that_of_its_address(room, colleague, sign_in, settings):
    """Drawn again from the address with the library's own text form, module by module."""
    settings.BASE_URL = "https://meet.example.com"
    text = sign_in(colleague).get(reverse("room_card", args=[room.slug])).content.decode()
    drawn = _modules(re.search(r'<svg viewBox="0 0 (\d+) \1" class="qr">.*?</svg>', text, re.S).group(0))  # type: ignore[union-attr]
    wanted = segno.make("https://meet.example.com/r/berlin-3-14", error="q", micro=False)
    assert drawn == {
        (x, y) for y, line in enumerate(wanted.matrix_iter(border=4)) for x, dark in enumerate(line) if dark
    }


def _modules(svg: str) -> set[tuple[int, int]]:
    """The dark modules that the drawing's horizontal strokes cover."""
    x, y, dark = 0.0, 0.0, set()
    path = re.search(r' d="([^"]+)"', svg).group(1)  # type: ignore[union-attr]
    for command, rest in re.findall(r"([Mmh])([^Mmh]*)", path):
        numbers = [float(one) for one in re.findall(r"-?\d*\.?\d+", rest)]
        if command == "M":
            x, y = numbers
        elif command == "m":
            x, y = x + numbers[0], y + numbers[1]
        else:
            dark |= {(int(x) + step, int(y)) for step in range(int(numbers[0]))}
            x += numbers[0]
    return dark


def test_no_secret_and_no_style_is_on_the_card(room, admin, sign_in):
    space = room.space
    assert space is not None
    space.phone_access = [{"number": "+49 30 123", "pin": "4711-PIN", "region": "DE"}]
    space.save()
    text = sign_in(admin).get(reverse("room_card", args=[room.slug])).content.decode()
    card = text[text.index('<article class="wallcard"') : text.index("</article>")]
    for secret in ("4711-PIN", space.meeting_code, "meet.google.com", "room-owner@", "style="):
        assert secret not in card, secret


def test_a_room_without_a_link_has_a_card_already(colleague, sign_in):
    bare = factories.make_room("Attic", with_space=False)
    assert sign_in(colleague).get(reverse("room_card", args=[bare.slug])).status_code == 200
