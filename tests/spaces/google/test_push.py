"""How events are to come: everything that is missing or misspelt stops the start with a sentence."""

from typing import Any

import pytest

from spaces.google.push import Arrangement, reachable

TOPIC = "projects/my-project/topics/meet-events"
NAME = "projects/my-project/subscriptions/meet-events-push"
ACCOUNT = "push@my-project.iam.gserviceaccount.com"
PUSHED: dict[str, Any] = {
    "topic": TOPIC,
    "subscriptions": (NAME,),
    "account": ACCOUNT,
    "audience": "https://rooms.example.com/",
}
PULLED: dict[str, Any] = {"topic": TOPIC, "subscriptions": (NAME,), "pull": True}


def test_both_ways_are_good():
    assert Arrangement(**PUSHED).topic == TOPIC
    assert Arrangement(**PULLED).pull
    assert Arrangement(**PUSHED | {"subscriptions": (NAME, NAME + "-2")})


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (PUSHED | {"topic": ""}, "MEETADMIN_PUSH_TOPIC"),
        (PUSHED | {"topic": "meet-events"}, "projects/PROJECT/topics/NAME"),
        (PUSHED | {"topic": NAME}, "MEETADMIN_PUSH_TOPIC"),
        (PUSHED | {"topic": TOPIC + " "}, "MEETADMIN_PUSH_TOPIC"),
        (PUSHED | {"subscriptions": ()}, "MEETADMIN_PUSH_SUBSCRIPTIONS is empty"),
        (PUSHED | {"subscriptions": (NAME, TOPIC)}, "MEETADMIN_PUSH_SUBSCRIPTIONS has"),
        (PUSHED | {"account": ""}, "MEETADMIN_PUSH_ACCOUNT"),
        (PUSHED | {"account": "push"}, "MEETADMIN_PUSH_ACCOUNT"),
        (PUSHED | {"audience": ""}, "MEETADMIN_PUSH_AUDIENCE"),
        (PULLED | {"account": ACCOUNT}, "either pulled or pushed"),
        (PULLED | {"audience": "x"}, "either pulled or pushed"),
        (PULLED | {"subscriptions": ()}, "MEETADMIN_PUSH_SUBSCRIPTIONS is empty"),
        (PULLED | {"subscriptions": (NAME, NAME + "-2")}, "names several"),
        (PULLED | {"topic": ""}, "MEETADMIN_PUSH_TOPIC"),
    ],
)
def test_half_of_it_is_refused(given, word):
    with pytest.raises(ValueError, match=word):
        Arrangement(**given)


@pytest.mark.parametrize(
    ("address", "good"),
    [("https://rooms.example.com", True), ("http://127.0.0.1:8000", False), ("https://", False), ("", False)],
)
def test_where_google_can_push_to(address, good):
    assert reachable(address) is good
