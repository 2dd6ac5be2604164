"""Ending a call through its pages."""

import socket
import time
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from meetadmin.celery import app as celery_app
from spaces.models import AuditEntry, Person, Room, Space
from tests.support.rooms import asked, fault, is_on, known_room, start_call
from tests.support.simulator import SimulatorProcess

END = "spaces.endActiveConference"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def room(google: SimulatorProcess, owner: Person) -> Room:
    """room-owner's room with a space of ours."""
    return known_room(
        google,
        owners=(owner,),
        name="Berlin 3.14",
    )


def form_of(reply: Any) -> dict[str, Any]:
    form = reply.context["form"]
    return {bound.html_name: bound.value() for bound in form if bound.value() is not None}


def said(reply: Any) -> str:
    return " ".join(str(message) for message in reply.context["messages"])


def url(room: Room) -> str:
    return reverse("end", args=[room.slug])


def device_call(google: SimulatorProcess, room: Room) -> str:
    Room.objects.filter(pk=room.pk).update(device_name="Berlin 1.01 device")
    return start_call(google, room, {"device": "Berlin 1.01"})


def test_what_will_happen_is_said_in_words_first(google, room, owner, sign_in):
    device_call(google, room)
    reply = sign_in(owner).get(url(room))
    text = " ".join(reply.content.decode().split())
    assert "Removes <strong>1 device</strong> from the call" in text
    assert "The link stays." in text
    assert "Colleagues can rejoin" in text
    assert "restored if needed" in text
    assert asked(google) == {}


def test_googles_own_sentence_is_for_admins(google, room, owner, admin, sign_in):
    """In the message, the audit log and the room's facts."""
    device_call(google, room)
    words = "Permission denied on resource Space (or it might not exist)"
    browsers = {"admin": sign_in(admin), "owner": sign_in(owner)}
    for browser in browsers.values():
        fault(google, END, preset="denied-space")
        form = form_of(browser.get(url(room))) | {"preset": "", "other": "Stuck"}
        reply = browser.post(url(room), form)
        assert "although Meetadmin created this Meet link" in said(reply)
        assert "still running" in said(reply)
        assert (words in said(reply)) is (browser is browsers["admin"])
    Space.objects.update(doubted_since=timezone.now(), doubted_at=timezone.now(), google_says="No facts.")
    for name, browser in browsers.items():
        facts = browser.get(room.get_absolute_url()).content.decode()
        assert "contradicts what is known" in facts
        assert ("No facts." in facts) is (name == "admin")
        trail = browser.get(f"{room.get_absolute_url()}?tab=audit").content.decode()
        assert (words in trail) is (name == "admin")
    assert words in browsers["admin"].get(reverse("audit")).content.decode()


def test_the_dialog_is_the_same_form_without_its_page(google, room, owner, sign_in):
    device_call(google, room)
    text = sign_in(owner).get(url(room), headers=HTMX).content.decode()
    assert "<html" not in text
    assert 'id="dialog-title"' in text
    assert 'name="conference"' in text


def test_only_the_dialog_stays_where_it_is(google, room, owner, sign_in):
    """As a page of its own, where an alert leads, the form has to lead on: what it says is over once the call is."""
    device_call(google, room)
    browser = sign_in(owner)
    post = f'hx-post="{url(room)}"'
    assert post in browser.get(url(room), headers=HTMX).content.decode()
    assert post not in browser.get(url(room)).content.decode()


def test_two_clicks_end_a_stuck_call(google, room, owner, sign_in):
    record = device_call(google, room)
    browser = sign_in(owner)
    reply = browser.post(url(room), form_of(browser.get(url(room))), follow=True)
    assert said(reply).startswith("The call in Berlin 3.14 is over. Its link stays the same.")
    assert reply.redirect_chain == [(room.get_absolute_url(), 302)]
    assert not is_on(google, record)
    assert AuditEntry.objects.get().reason == "Nobody left in the call"


def test_htmx_gets_the_message_and_the_word_that_rooms_have_changed(google, room, owner, sign_in):
    device_call(google, room)
    browser = sign_in(owner)
    reply = browser.post(url(room), form_of(browser.get(url(room))), headers=HTMX)
    assert reply["HX-Trigger"] == "rooms-changed"
    assert "The call in Berlin 3.14 is over" in reply.content.decode()
    assert "<html" not in reply.content.decode()


def test_people_in_the_call_ask_for_more_than_one_careless_click(google, room, owner, sign_in):
    record = start_call(google, room)
    browser = sign_in(owner)
    form = form_of(browser.get(url(room))) | {"other": "typed words"}
    reply = browser.post(url(room), form)
    assert reply.status_code == 422
    assert "People are in this call" in reply.content.decode()
    assert "typed words" in reply.content.decode()
    assert is_on(google, record)
    assert END not in asked(google)
    reply = browser.post(url(room), form_of(reply) | {"confirm": "berlin 3.14"})
    assert reply.status_code == 302
    assert not is_on(google, record)
    assert AuditEntry.objects.get().reason == "typed words"


def test_a_reason_is_always_kept(google, room, owner, sign_in):
    device_call(google, room)
    browser = sign_in(owner)
    form = form_of(browser.get(url(room))) | {"preset": "", "other": ""}
    reply = browser.post(url(room), form)
    assert reply.status_code == 422
    assert "Write why" in reply.content.decode()
    assert END not in asked(google)


def test_the_same_form_twice_acts_once(google, room, owner, sign_in):
    device_call(google, room)
    browser = sign_in(owner)
    form = form_of(browser.get(url(room)))
    browser.post(url(room), form)
    reply = browser.post(url(room), form, follow=True)
    assert "already requested" in said(reply)
    assert asked(google)[END] == 1


@pytest.mark.parametrize(
    ("method", "order", "words"),
    [
        ("spaces.get", {"status": 503}, "Nothing was changed. Google is not available"),
        (END, {"status": 503}, "Nothing was changed. Google is not available"),
        (END, {"status": 500}, "It is not known whether this happened"),
    ],
)
def test_a_failure_is_told_as_it_is(google, room, owner, sign_in, method, order, words):
    device_call(google, room)
    browser = sign_in(owner)
    form = form_of(browser.get(url(room)))
    fault(google, method, **order)
    reply = browser.post(url(room), form, follow=True)
    assert words in said(reply)
    assert asked(google).get(END, 0) <= 1


@pytest.mark.parametrize("who", ["helpdesk", "participant", "colleague"])
def test_a_hand_made_post_ends_nothing(google, room, request, sign_in, who):
    record = device_call(google, room)
    form = {"key": "k" * 24, "conference": record, "preset": "The room is needed"}
    reply = sign_in(request.getfixturevalue(who)).post(url(room), form)
    assert reply.status_code == 403
    assert "Only the room&#x27;s owner, a deputy or an admin may end its call." in reply.content.decode()
    assert is_on(google, record)
    assert asked(google) == {}


def test_a_foreign_space_says_why_it_cannot_be_ended(google, owner, sign_in):
    room = known_room(google, owners=(owner,), project="another-app", origin="foreign")
    start_call(google, room)
    text = sign_in(owner).get(url(room)).content.decode()
    assert "Google lets only that app end its calls" in text
    assert 'type="submit" class="danger' not in text


def test_nothing_on_is_said(google, room, owner, sign_in):
    text = " ".join(sign_in(owner).get(url(room)).content.decode().split())
    assert "No call is on in Berlin 3.14" in text
    assert "There is nothing to end" in text


def forget_connections() -> None:
    """Celery keeps its connections to the broker; after this it makes new ones."""
    celery_app._after_fork()  # type: ignore[attr-defined]  # what it does itself in a new process


def test_a_broker_that_is_away_does_not_fail_the_ending(google, room, owner, sign_in, monkeypatch):
    record = device_call(google, room)
    browser = sign_in(owner)
    form = form_of(browser.get(url(room)))
    with monkeypatch.context() as patched:
        patched.setattr(celery_app.conf, "broker_write_url", "redis+socket:///nowhere/valkey.sock")
        forget_connections()
        reply = browser.post(url(room), form)
    forget_connections()
    assert reply.status_code == 302
    assert not is_on(google, record)


def test_a_redis_that_hangs_holds_nobody_up_and_what_is_not_done_is_said(
    google, room, owner, sign_in, settings
):
    record = device_call(google, room)
    browser = sign_in(owner)
    form = form_of(browser.get(url(room)))
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        settings.REDIS_URL = f"redis://127.0.0.1:{hanging.getsockname()[1]}/0"
        began = time.monotonic()
        reply = browser.post(url(room), form, follow=True)
        assert time.monotonic() - began < 10
    assert not is_on(google, record)
    assert said(reply).startswith("The call in Berlin 3.14 is over. Its link stays the same.")
    assert "Redis cannot be reached," in said(reply)
    assert "does not look again by itself" in said(reply)


def test_asking_about_many_rooms_while_redis_hangs_is_said_to_be_uncertain(
    google, room, owner, sign_in, settings
):
    browser = sign_in(owner)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        settings.REDIS_URL = f"redis://127.0.0.1:{hanging.getsockname()[1]}/0"
        began = time.monotonic()
        reply = browser.post(reverse("selection_refresh"), {"room": room.slug}, follow=True)
        assert time.monotonic() - began < 10
    assert "it is not certain that Google will be asked about all of these rooms" in said(reply)


def test_after_a_failure_the_form_comes_back_with_the_reason(google, room, owner, sign_in):
    record = device_call(google, room)
    browser = sign_in(owner)
    filled = form_of(browser.get(url(room))) | {"preset": "", "other": "The cleaners need the room"}
    fault(google, "spaces.get", status=503)
    reply = browser.post(url(room), filled)
    assert reply.status_code == 422
    again = form_of(reply)
    assert again["other"] == "The cleaners need the room"
    assert again["conference"] == record
    assert again["key"] != filled["key"]
    assert browser.post(url(room), again).status_code == 302
    assert not is_on(google, record)


def test_the_dialog_tells_a_failure_itself(google, room, owner, sign_in):
    device_call(google, room)
    browser = sign_in(owner)
    filled = form_of(browser.get(url(room)))
    fault(google, "spaces.get", status=503)
    reply = browser.post(url(room), filled, headers=HTMX)
    assert reply.status_code == 422
    assert "Nothing was changed." in reply.content.decode()
    assert "HX-Trigger" not in reply.headers


def test_when_another_call_has_begun_the_form_speaks_of_that_one(google, room, owner, sign_in):
    old = device_call(google, room)
    browser = sign_in(owner)
    filled = form_of(browser.get(url(room)))
    google.control("POST", f"conferences/{old.partition('/')[2]}/end")
    new = start_call(google, room, {"device": "Berlin 1.01"})
    reply = browser.post(url(room), filled)
    assert "Another call has started" in said(reply)
    assert form_of(reply)["conference"] == new
    assert is_on(google, new)


@pytest.mark.parametrize(
    ("seen_ago", "words"),
    [(timedelta(seconds=30), False), (timedelta(minutes=5), True)],
)
def test_what_is_not_the_newest_is_called_so(google, room, owner, sign_in, seen_ago, words):
    device_call(google, room)
    Space.objects.filter(room=room).update(seen_at=timezone.now() - seen_ago)
    text = sign_in(owner).get(url(room)).content.decode()
    assert ("This is not the newest" in text) is words


@pytest.mark.parametrize(
    ("preset", "other", "kept"),
    [
        ("The room is needed", "", "The room is needed"),
        ("The room is needed", "at ten", "The room is needed: at ten"),
        ("", "at ten", "at ten"),
    ],
)
def test_whatever_was_given_as_reason_is_kept(google, room, owner, sign_in, preset, other, kept):
    device_call(google, room)
    browser = sign_in(owner)
    browser.post(url(room), form_of(browser.get(url(room))) | {"preset": preset, "other": other})
    assert AuditEntry.objects.get().reason == kept


def test_names_are_shown_in_place_and_written_down(google, room, helpdesk, sign_in):
    start_call(google, room)
    reply = sign_in(helpdesk).post(reverse("reveal", args=[room.slug]), headers=HTMX)
    text = reply.content.decode()
    assert "<html" not in text
    assert 'class="people"' in text
    assert AuditEntry.objects.get().action == "names:reveal"
