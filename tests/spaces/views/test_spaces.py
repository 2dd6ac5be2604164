"""Forms about a room's link: nothing typed is lost, and what is said is true."""

import re
from typing import Any

import pytest
from django.urls import reverse

from spaces.models import AuditEntry, Person, Room
from tests import factories
from tests.support.rooms import asked, fault, known_room, settings_at_google, space_at_google, space_of
from tests.support.simulator import SimulatorProcess


@pytest.fixture
def room(google: SimulatorProcess, owner: Person) -> Room:
    """room-owner's room with a space of ours."""
    return known_room(google, owners=(owner,), name="Berlin 3.14")


def fields(reply: Any) -> dict[str, Any]:
    """What the form on this page would send back."""
    form = reply.context["form"]
    values = {}
    for bound in form:
        value = bound.value()
        if value not in (None, ""):
            values[bound.html_name] = value
    return values


def said(reply: Any) -> str:
    return " ".join(str(message) for message in reply.context["messages"])


def configure_url(room: Room) -> str:
    return reverse("configure", args=[room.slug])


# --- Configure --------------------------------------------------------------------------------------


def test_settings_are_shown_as_a_diff_before_anything_is_sent(google, room, owner, sign_in):
    browser = sign_in(owner)
    form = fields(browser.get(configure_url(room)))
    reply = browser.post(configure_url(room), form | {"accessType": "OPEN", "step": "check"})
    text = reply.content.decode()
    assert reply.status_code == 200
    assert "Who may join without knocking" in text
    assert "Anyone with the link" in text
    assert "walks in" in text  # the consequence, in words
    assert asked(google) == {}
    reply = browser.post(configure_url(room), fields(reply) | {"step": "save"}, follow=True)
    assert said(reply) == "The settings of Berlin 3.14 are saved."
    assert settings_at_google(google, space_of(room).name)["accessType"] == "OPEN"


def test_switching_host_management_off_shows_what_goes_struck_out(google, room, owner, sign_in):
    browser = sign_in(owner)
    form = fields(browser.get(configure_url(room)))
    on = form | {"moderation": "ON", "moderationRestrictions__chatRestriction": "HOSTS_ONLY", "step": "save"}
    browser.post(configure_url(room), on)
    form = fields(browser.get(configure_url(room)))
    reply = browser.post(configure_url(room), form | {"moderation": "OFF", "step": "check"})
    text = reply.content.decode()
    assert "Google sets it back" in text
    assert re.search(r"Who may write in the chat.*?<del>Only hosts and co-hosts</del>", text, re.S)
    assert "Save 1 change\n" in text


@pytest.mark.parametrize("sent", [True, False], ids=["without script", "greyed out by the script"])
def test_host_controls_rest_while_host_management_is_off_and_it_is_said(google, room, owner, sign_in, sent):
    """A browser does not send what is greyed out; without a script it does."""
    browser = sign_in(owner)
    form = fields(browser.get(configure_url(room)))
    path = "moderationRestrictions__chatRestriction"
    chosen = {name: value for name, value in form.items() if "moderationRestrictions" not in name}
    if sent:
        chosen[path] = "HOSTS_ONLY"
    reply = browser.post(configure_url(room), chosen | {"accessType": "OPEN", "step": "check"})
    assert ("has no effect while host management is off" in reply.content.decode()) is sent
    assert ("Who may write in the chat" in reply.content.decode()) is sent
    again = browser.post(configure_url(room), fields(reply) | {"step": "back"})
    assert fields(again)[path] == ("HOSTS_ONLY" if sent else "NO_RESTRICTION")
    browser.post(configure_url(room), fields(reply) | {"step": "save"})
    held = settings_at_google(google, space_of(room).name)
    assert held["accessType"] == "OPEN"
    assert held["moderationRestrictions"]["chatRestriction"] == "NO_RESTRICTION"
    assert AuditEntry.objects.get().before == {"accessType": "TRUSTED"}


SHUT = {"entryPointAccess": "CREATOR_APP_ONLY"}


def test_shutting_a_room_wants_a_second_word(google, room, owner, sign_in):
    browser = sign_in(owner)
    form = fields(browser.get(configure_url(room)))
    reply = browser.post(configure_url(room), form | SHUT | {"step": "check"})
    assert "This shuts the room" in reply.content.decode()
    reply = browser.post(configure_url(room), fields(reply) | {"step": "save"})
    assert reply.status_code == 422
    assert "Tick this if you mean it" in reply.content.decode()
    assert asked(google) == {}
    browser.post(configure_url(room), fields(reply) | {"step": "save", "sure": "on"})
    assert settings_at_google(google, space_of(room).name)["entryPointAccess"] == "CREATOR_APP_ONLY"
    # What is shut already asks no more.
    form = fields(browser.get(configure_url(room)))
    reply = browser.post(configure_url(room), form | {"accessType": "OPEN", "step": "save"})
    assert reply.status_code == 302


def test_a_new_link_that_is_shut_wants_a_second_word_too(google, admin, sign_in):
    bare = factories.make_room("Berlin 1", with_space=False)
    account = factories.make_account()
    browser = sign_in(admin)
    url = reverse("space_create", args=[bare.slug])
    reply = browser.post(
        url, fields(browser.get(url)) | SHUT | {"account": account.pk, "reason": "typed words"}
    )
    assert reply.status_code == 422
    assert "Tick this if you mean it" in reply.content.decode()
    assert fields(reply)["reason"] == "typed words"
    assert asked(google) == {}
    browser.post(url, fields(reply) | {"sure": "on"})
    assert settings_at_google(google, space_of(bare).name)["entryPointAccess"] == "CREATOR_APP_ONLY"


def test_a_value_that_does_not_exist_keeps_what_was_typed(google, room, owner, sign_in):
    browser = sign_in(owner)
    form = fields(browser.get(configure_url(room)))
    reply = browser.post(configure_url(room), form | {"accessType": "NONSENSE", "reason": "typed words"})
    assert reply.status_code == 422
    assert "typed words" in reply.content.decode()
    assert asked(google) == {}


def test_google_failing_keeps_what_was_chosen_and_gives_a_new_key(google, room, owner, sign_in):
    browser = sign_in(owner)
    form = fields(browser.get(configure_url(room)))
    fault(google, "spaces.patch", status=503)
    chosen = form | {"accessType": "OPEN", "reason": "typed words", "step": "save"}
    reply = browser.post(configure_url(room), chosen)
    again = fields(reply)
    assert "Nothing was changed. Google is not available" in said(reply)
    assert (again["accessType"], again["reason"]) == ("OPEN", "typed words")
    assert again["key"] != form["key"]
    reply = browser.post(configure_url(room), again | {"step": "save"}, follow=True)
    assert "are saved" in said(reply)
    assert settings_at_google(google, space_of(room).name)["accessType"] == "OPEN"


def test_an_unclear_answer_is_not_called_a_failure(google, room, owner, sign_in):
    browser = sign_in(owner)
    form = fields(browser.get(configure_url(room)))
    fault(google, "spaces.patch", status=500)
    reply = browser.post(configure_url(room), form | {"accessType": "OPEN", "step": "save"})
    assert "It is not known whether this happened" in said(reply)
    assert "Nothing was changed" not in said(reply)


def test_somebody_was_faster(google, room, owner, sign_in):
    browser = sign_in(owner)
    form = fields(browser.get(configure_url(room)))
    google.call(
        "PATCH", f"/v2/{space_of(room).name}?updateMask=config.accessType",
        {"config": {"accessType": "RESTRICTED"}}, token=google.token("rooms-ber@example.com"),
    )  # fmt: skip
    reply = browser.post(configure_url(room), form | {"accessType": "OPEN", "step": "save"})
    assert "Somebody has changed these settings meanwhile" in said(reply)
    again = fields(reply)
    assert again["accessType"] == "OPEN"  # the wish stays, to be compared with what holds now
    reply = browser.post(configure_url(room), again | {"step": "save"}, follow=True)
    assert settings_at_google(google, space_of(room).name)["accessType"] == "OPEN"


@pytest.mark.parametrize("seen", ["", "no json", "[]", '"x"'])
def test_a_damaged_page_saves_nothing(google, room, owner, sign_in, seen):
    browser = sign_in(owner)
    form = fields(browser.get(configure_url(room)))
    reply = browser.post(configure_url(room), form | {"seen": seen, "accessType": "OPEN", "step": "save"})
    assert reply.status_code == 422
    assert asked(google) == {}


# --- Create -----------------------------------------------------------------------------------------


def test_creating_through_the_form(google, admin, sign_in):
    bare = factories.make_room("Berlin 1", with_space=False)
    account = factories.make_account()
    browser = sign_in(admin)
    url = reverse("space_create", args=[bare.slug])
    form = fields(browser.get(url)) | {"account": account.pk, "accessType": "RESTRICTED"}
    reply = browser.post(url, form, follow=True)
    assert f"Berlin 1 now has the link {space_of(bare).meeting_code}." in said(reply)
    assert settings_at_google(google, space_of(bare).name)["accessType"] == "RESTRICTED"
    made = len(google.world()["spaces"])
    reply = browser.post(url, form, follow=True)  # the same form once more
    assert "already requested" in said(reply)
    assert len(google.world()["spaces"]) == made


def test_a_failed_creation_keeps_the_form(google, admin, sign_in):
    bare = factories.make_room("Berlin 1", with_space=False)
    account = factories.make_account()
    browser = sign_in(admin)
    url = reverse("space_create", args=[bare.slug])
    form = fields(browser.get(url)) | {"account": account.pk, "accessType": "OPEN", "reason": "typed words"}
    fault(google, "spaces.create", status=503)
    reply = browser.post(url, form)
    assert "Nothing was changed" in said(reply)
    again = fields(reply)
    assert (again["accessType"], again["reason"], again["account"]) == ("OPEN", "typed words", account.pk)
    reply = browser.post(url, again, follow=True)
    assert "now has the link" in said(reply)


def test_without_an_account_the_page_says_where_to_get_one(admin, sign_in):
    bare = factories.make_room(with_space=False)
    text = sign_in(admin).get(reverse("space_create", args=[bare.slug])).content.decode()
    assert "No Google account to create it with" in text


# --- Adopt ------------------------------------------------------------------------------------------


def test_adopting_keeps_what_was_pasted_when_it_is_no_code(google, admin, sign_in):
    bare = factories.make_room(with_space=False)
    browser = sign_in(admin)
    url = reverse("space_adopt", args=[bare.slug])
    form = fields(browser.get(url)) | {"text": "https://zoom.us/j/123", "reason": "typed words"}
    reply = browser.post(url, form)
    assert "This is a link to Zoom" in said(reply)
    assert "https://zoom.us/j/123" in reply.content.decode()
    assert "typed words" in reply.content.decode()
    made = space_at_google(google)
    factories.make_account()
    reply = browser.post(url, fields(reply) | {"text": made["meetingUri"] if "meetingUri" in made else made["meetingCode"]}, follow=True)  # fmt: skip
    assert "now has the link" in said(reply)
    assert [entry.outcome for entry in AuditEntry.objects.order_by("pk")] == ["refused", "done"]


def test_an_empty_paste_is_422(google, admin, sign_in):
    bare = factories.make_room(with_space=False)
    url = reverse("space_adopt", args=[bare.slug])
    browser = sign_in(admin)
    assert browser.post(url, fields(browser.get(url)) | {"text": " "}).status_code == 422


# --- Refresh ----------------------------------------------------------------------------------------


def test_refreshing_answers_htmx_with_messages_and_a_word_to_the_page(google, room, owner, sign_in):
    browser = sign_in(owner)
    reply = browser.post(reverse("refresh", args=[room.slug]), headers={"HX-Request": "true"})
    assert reply.status_code == 200
    assert reply["HX-Trigger"] == "rooms-changed"
    text = reply.content.decode()
    assert "Berlin 3.14 refreshed" in text
    assert 'hx-swap-oob="innerHTML"' in text
    assert "<html" not in text


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/mine/", "/mine/"),
        ("/?state=stuck&page=2", "/?state=stuck&page=2"),
        ("", "room"),
        ("//evil.example/", "room"),
        ("https://evil.example/", "room"),
        ("/\\evil.example", "room"),
        ("javascript:alert(1)", "room"),
        ("http://testserver.evil.example/", "room"),
    ],
)
def test_after_a_form_one_comes_back_to_this_site_only(google, room, owner, sign_in, wanted, led_to):
    reply = sign_in(owner).post(reverse("refresh", args=[room.slug]), {"next": wanted})
    assert reply["Location"] == (room.get_absolute_url() if led_to == "room" else led_to)
