"""One room's page, its card for the wall, its stable address."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import segno
from django.urls import reverse
from django.utils import timezone

from spaces.models import Building, Conference, Member, PastCode, Person, Room, Space
from spaces.sync.apply.spaces import apply_refused_settings
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


# --- One main action a state -------------------------------------------------------------------------------


def solid(reply: Any) -> list[str]:
    """The solid buttons of the page, by their words."""
    text = re.sub(r"<svg.*?</svg>|<span class=\"unseen\">.*?</span>", "", reply.content.decode(), flags=re.S)
    found = re.findall(
        r'<(?:a|button)[^>]*class="[^"]*\b(?:primary|solid)\b[^"]*"[^>]*>(.*?)</(?:a|button)>', text, re.S
    )
    return [" ".join(re.sub(r"<[^>]+>", "", one).split()) for one in found]


@pytest.mark.parametrize(
    ("state", "of_admin", "of_owner", "of_helpdesk", "of_colleague"),
    [
        ("live", "End…", "End…", "Join", "Copy link"),
        ("stuck", "End…", "End…", "Join", "Copy link"),
        ("idle", "Copy link", "Copy link", "Copy link", "Copy link"),
        ("none", "Create a link", "", "", ""),
        ("foreign", "Replace the link…", "Join", "Join", "Copy link"),
        ("not owned", "Replace the link…", "Refresh now", "Refresh now", "Copy link"),
        ("ageing", "Replace the link…", "Copy link", "Copy link", "Copy link"),
        ("dead", "Replace the link…", "Refresh now", "Refresh now", "Copy link"),
        ("unknown", "Refresh now", "Refresh now", "Refresh now", "Copy link"),
        ("broken", "Mend the account…", "Refresh now", "Refresh now", "Copy link"),
    ],
)
def test_each_state_has_one_main_action_that_the_person_may_do(
    state, of_admin, of_owner, of_helpdesk, of_colleague, admin, owner, helpdesk, colleague, sign_in
):
    room = factories.room_in(state, owner)
    found = [solid(sign_in(who).get(room.get_absolute_url())) for who in (admin, owner, helpdesk, colleague)]
    wanted = [of_admin, of_owner, of_helpdesk, of_colleague]
    assert found == [[one] if one else [] for one in wanted]


# --- Now ----------------------------------------------------------------------------------------------------


def text_of(reply: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def test_the_score_stands_beside_its_reasons(owner, sign_in):
    room = factories.room_in("stuck", owner)
    reply = sign_in(owner).get(room.get_absolute_url())
    score = reply.context["score"]
    assert 50 <= score <= 100
    assert f'value="{score}"' in reply.content.decode()
    assert "Room devices only for" in text_of(reply)


def test_somebody_who_may_not_see_the_call_finds_no_score_and_no_day(owner, colleague, sign_in):
    room = factories.room_in("stuck", owner)
    reply = sign_in(colleague).get(room.get_absolute_url())
    for part in ("<meter", "bigday", "Last 24 hours"):
        assert part not in reply.content.decode(), part


def test_many_people_are_folded_and_none_is_lost(room, owner, sign_in):
    assert room.space is not None
    factories.make_call(room.space, people=(owner,), devices=14)
    text = sign_in(owner).get(room.get_absolute_url()).content.decode()
    assert "and 3 more" in text
    assert all(f"<span>device {number}</span>" in text for number in range(14))


def test_an_idle_room_tells_when_its_last_call_was_over_by_the_buildings_clock(room, owner, sign_in):
    Building.objects.filter(pk=room.building_id).update(time_zone="Asia/Kolkata")
    past_call(room, "2026-11-02T10:00:00+00:00", "2026-11-02T10:45:00+00:00")
    text = text_of(sign_in(owner).get(room.get_absolute_url()))
    assert "The last call ended on 2 Nov, 16:15, after 45 min." in text


def past_call(room: Room, begin: str, end: str, **fields: Any) -> Conference:
    assert room.space is not None
    return Conference.objects.create(
        record=f"conferenceRecords/{begin}",
        space=room.space,
        started_at=datetime.fromisoformat(begin),
        ended_at=datetime.fromisoformat(end),
        **fields,
    )


def test_the_day_shows_the_calls_of_a_link_that_was_replaced_today_too(room, owner, sign_in):
    now = timezone.now()
    old = room.space
    assert old is not None
    past_call(room, (now - timedelta(hours=9)).isoformat(), (now - timedelta(hours=8)).isoformat())
    Room.objects.filter(pk=room.pk).update(space=factories.make_space())
    Space.objects.filter(pk=old.pk).update(former_room=room, retired_at=now - timedelta(hours=7))
    browser = sign_in(owner)
    assert len(browser.get(room.get_absolute_url()).context["day"].bars) == 1
    Space.objects.filter(pk=old.pk).update(retired_at=now - timedelta(days=2))
    assert browser.get(room.get_absolute_url()).context["day"].bars == []


def test_the_picture_of_the_day_has_a_table_that_says_the_same(room, owner, sign_in):
    assert room.space is not None
    now = timezone.now()
    past_call(room, (now - timedelta(hours=9)).isoformat(), (now - timedelta(hours=8)).isoformat())
    factories.make_call(room.space, devices=1, ago=timedelta(hours=3))
    text = sign_in(owner).get(room.get_absolute_url()).content.decode()
    picture = text[
        text.index('<svg class="bigday"') : text.index("</svg>", text.index('<svg class="bigday"'))
    ]
    assert len(re.findall(r'<rect class="(?:past|live|stuck)"', picture)) == 2
    table = text[text.index("Calls of the last 24 hours") :].partition("</table>")[0]
    assert len(re.findall("<tr", table)) == 3
    assert "style=" not in picture


# --- Tabs ---------------------------------------------------------------------------------------------------


def tab(browser: Any, room: Room, name: str, **query: Any) -> Any:
    return browser.get(room.get_absolute_url(), {"tab": name, **query})


def test_history_has_pages_that_keep_the_tab(room, owner, sign_in):
    start = timezone.now() - timedelta(days=20)
    for number in range(27):
        begin = start + timedelta(hours=number)
        past_call(room, begin.isoformat(), (begin + timedelta(minutes=7)).isoformat(), peak=number)
    browser = sign_in(owner)
    first, second = tab(browser, room, "history"), tab(browser, room, "history", page=2)
    assert [call.peak for call in first.context["calls"]] == list(range(26, 1, -1))
    assert [call.peak for call in second.context["calls"]] == [1, 0]
    assert "?tab=history&amp;page=2" in first.content.decode()
    assert tab(browser, room, "history", page="x").context["leaf"].number == 1


def test_history_tells_length_kinds_and_who_ended_it(room, owner, sign_in):
    past_call(
        room, "2026-11-02T10:00:00+00:00", "2026-11-02T11:30:00+00:00", ended_by="Eve Earlier", peak=9,
        all_people=12, all_guests=2, all_devices=1, all_phones=0,
    )  # fmt: skip
    text = text_of(tab(sign_in(owner), room, "history"))
    assert "1 h 30 min 9" in text
    assert "14 people 1 room device 0 phones" in text
    assert "Eve Earlier" in text


def test_a_refused_setting_stands_with_googles_reason_until_it_holds(room, owner, sign_in):
    path = "artifactConfig.recordingConfig.autoRecordingGeneration"
    space = room.space
    assert space is not None
    apply_refused_settings(space, {path: "ON"}, {path: "the owner's licence does not allow it"})
    browser = sign_in(owner)
    assert "“Yes, by itself” was not taken: the owner&#x27;s licence does not allow it" in (
        tab(browser, room, "settings").content.decode()
    )
    Space.objects.filter(pk=space.pk).update(settings={path: "ON"})
    assert "was not taken" not in tab(browser, room, "settings").content.decode()


def test_host_controls_say_that_they_rest_while_host_management_is_off(room, owner, sign_in):
    browser = sign_in(owner)
    assert text_of(tab(browser, room, "settings")).count("No effect while host management is off") == 4
    Space.objects.filter(pk=room.space_id).update(settings={"moderation": "ON"})
    assert "No effect" not in text_of(tab(browser, room, "settings"))


@pytest.mark.parametrize(
    ("fields", "name", "words"),
    [
        ({"origin": Space.Origin.FOREIGN}, "settings", "neither end its calls nor read its members"),
        (
            {"origin": Space.Origin.FOREIGN},
            "members",
            "keeps the members of meetings made by another app to itself",
        ),
        ({"owned": False}, "settings", "None of our accounts owns this meeting any more"),
        ({"owned": False, "settings": {}}, "settings", "only to the account that owns the space"),
        ({}, "members", "in an empty room nobody does"),
    ],
)
def test_where_something_is_locked_the_page_says_why(owner, sign_in, fields, name, words):
    room = factories.make_room(space=factories.make_space(**fields), owners=(owner,))
    assert words in text_of(tab(sign_in(owner), room, name))


def test_members_and_co_hosts(room, owner, sign_in):
    Member.objects.create(space=room.space, email="member@example.com")
    Member.objects.create(space=room.space, email="cohost@example.com", role="COHOST")
    text = text_of(tab(sign_in(owner), room, "members"))
    assert text.index("cohost@example.com Co-host") < text.index("member@example.com Member")


def test_links_past_and_present(room, colleague, sign_in):
    assert room.space is not None
    PastCode.objects.create(space=room.space, code="old-code-one")
    former = factories.make_space("old-spac-two")
    Space.objects.filter(pk=former.pk).update(former_room=room, retired_at=timezone.now())
    text = text_of(tab(sign_in(colleague), room, "spaces"))
    assert f"{room.space.meeting_code} in use" in text
    assert "old-code-one earlier code of the same space" in text
    assert "old-spac-two earlier link, replaced" in text
