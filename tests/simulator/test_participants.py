"""Devices, bots and kinds of participants in the shapes that occur, and recordings that the control switches on and off."""

import base64
import json
import unicodedata
from typing import Any

import pytest

from simulator.scenes import build_world
from tests.support.simulator import READONLY, ControlError, SimulatorProcess

ROOM = "Berlin 1.01"


@pytest.fixture
def idle(google: SimulatorProcess) -> dict[str, str]:
    """A room of our app in which nothing is on: its space and account."""
    world = google.world()
    spaces = {each["name"]: each for each in world["spaces"]}
    for room in world["rooms"]:
        space = spaces[room["space"]]
        if not space["activeConference"] and space["project"] == "meetadmin-demo":
            return {"space": room["space"], "account": room["account"]}
    raise AssertionError("no idle room")


def shown(
    google: SimulatorProcess, idle: dict[str, str], *participants: dict[str, Any]
) -> list[dict[str, Any]]:
    """The participants as Google lists them to the owner, in the order in which they were given."""
    call = google.start_conference(idle["space"], *participants)
    answer = google.call("GET", f"/v2/{call['name']}/participants", token=google.token(idle["account"]))[1]
    listed = {each["name"]: each for each in answer["participants"]}
    return [listed[each["name"]] for each in call["participants"]]


def device(google: SimulatorProcess, name: str) -> dict[str, str]:
    """The device of a room as the world knows it."""
    found = next(each for each in google.world()["rooms"] if each["name"] == name)
    return dict(found["device"])


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ([], "Berlin 1.01 device"),
        ("device", "Berlin 1.01 device"),
        ("room", "Berlin 1.01"),
        (["room", "upper"], "BERLIN 1.01"),
        (["room", "blanks"], " Berlin  1.01 "),
        (["room", "no-break"], "Berlin\u00a01.01"),
        (["room", "zero-width"], "Berlin\u200b 1.01"),
        (["room", "trimmed", "lower"], "berlin1.01"),
    ],
)
def test_device_is_a_signed_in_user_under_any_spelling(google, idle, spelling, name):
    [user] = shown(google, idle, {"device": ROOM, "spelling": spelling})
    assert user["signedinUser"] == {"user": f"users/{device(google, ROOM)['id']}", "displayName": name}


def test_device_is_named_like_the_generated_name_of_its_resource(google, idle):
    scope = "https://www.googleapis.com/auth/admin.directory.resource.calendar.readonly"
    path = "/admin/directory/v1/customer/my_customer/resources/calendars"
    resources = google.call("GET", path, token=google.token("it-admin@example.com", scope))[1]["items"]
    generated = next(each["generatedResourceName"] for each in resources if each["resourceName"] == ROOM)
    [user] = shown(google, idle, {"device": ROOM, "spelling": "generated"})
    assert user["signedinUser"]["displayName"] == generated


def test_device_name_can_be_composed_or_decomposed(google, idle):
    name = "Düsseldorf Große Halle"
    users = shown(
        google, idle, {"device": name, "spelling": "nfd"}, {"device": ROOM, "name": name}, {"device": "X", "spelling": "nfc"}
    )  # fmt: skip
    names = [each["signedinUser"]["displayName"] for each in users]
    assert names == [unicodedata.normalize("NFD", name), name, "X"]
    assert names[0] != name


def test_device_without_account_is_anonymous(google, idle):
    [user] = shown(google, idle, {"device": ROOM, "signed_in": False})
    assert user["anonymousUser"] == {"displayName": "Berlin 1.01 device"}


def test_person_can_be_shown_under_the_name_of_a_room(google, idle):
    [user] = shown(google, idle, {"email": "engineer-01@example.com", "name": ROOM})
    person = next(each for each in google.world()["people"] if each["email"] == "engineer-01@example.com")
    assert user["signedinUser"] == {"user": f"users/{person['id']}", "displayName": ROOM}


def test_bot_is_anonymous_or_signed_in(google, idle):
    anonymous, signed_in = shown(
        google, idle, {"bot": "Otter.ai"}, {"bot": "Fireflies.ai Notetaker", "signed_in": True}
    )
    assert anonymous["anonymousUser"] == {"displayName": "Otter.ai"}
    assert signed_in["signedinUser"]["displayName"] == "Fireflies.ai Notetaker"
    assert signed_in["signedinUser"]["user"].startswith("users/1")
    call = google.world()["conferences"][-1]
    assert [each["kind"] for each in call["participants"]] == ["bot", "bot"]
    left = google.control("POST", f"conferences/{call['id']}/leave", {"bot": "Otter.ai"})
    assert [each["leftAt"] is None for each in left["participants"]] == [False, True]


def test_kind_that_google_has_added_since(google, idle):
    [user] = shown(google, idle, {"unknown": "deviceUser", "name": "Desk unit"})
    assert user["deviceUser"] == {"displayName": "Desk unit"}
    assert not {"signedinUser", "anonymousUser", "phoneUser"} & user.keys()
    call = google.world()["conferences"][-1]
    path = f"/v2/{call['name']}/participants?fields=participants/*,totalSize"
    answer = google.call("GET", path, token=google.token(idle["account"]))[1]
    assert (answer["totalSize"], answer["participants"][0]["deviceUser"]["displayName"]) == (1, "Desk unit")
    google.control("POST", f"conferences/{call['id']}/leave", {"unknown": "deviceUser"})


@pytest.mark.parametrize(
    "body",
    [
        {"device": ROOM, "spelling": "klingon"},
        {"device": "no room", "spelling": "room"},
        {"device": ROOM, "guest": "A"},
        {"name": "A"},
        {"unknown": "not a field"},
        {"bot": "Otter.ai", "signed_in": "yes"},
        {"guest": " "},
        {"guest": "A", "name": 5},
    ],
)
def test_bad_participant_is_refused(google, idle, body):
    with pytest.raises(ControlError) as refusal:
        google.start_conference(idle["space"], body)
    assert refusal.value.status == 400


# -- recordings ------------------------------------------------------------------------------------------------------


def recordings(google: SimulatorProcess, call: dict[str, Any], account: str) -> list[dict[str, Any]]:
    """What the owner's list says."""
    answer = google.call("GET", f"/v2/{call['name']}/recordings", token=google.token(account))[1]
    found: list[dict[str, Any]] = answer.get("recordings", [])
    return found


def order(google: SimulatorProcess, call: dict[str, Any], action: str, **more: Any) -> Any:
    """Switch the recording of a call."""
    return google.control("POST", f"conferences/{call['id']}/recordings", {"action": action, **more})


def test_recording_is_listed_while_the_call_runs(google, idle):
    call = google.control(
        "POST", "conferences", {"space": idle["space"], "participants": [{"guest": "A"}], "recording": True}
    )
    assert call["recording"] is True
    [running] = recordings(google, call, idle["account"])
    assert running["state"] == "STARTED"
    assert "endTime" not in running
    assert "driveDestination" not in running
    order(google, call, "stop")
    assert [each["state"] for each in recordings(google, call, idle["account"])] == ["ENDED"]
    order(google, call, "start")
    order(google, call, "file")
    assert [each["state"] for each in recordings(google, call, idle["account"])] == [
        "ENDED",
        "FILE_GENERATED",
    ]
    google.advance(500)
    found = recordings(google, call, idle["account"])
    assert [each["state"] for each in found] == ["FILE_GENERATED", "FILE_GENERATED"]
    assert found[0]["driveDestination"]["exportUri"].startswith("https://drive.google.com/file/d/")


def test_recording_ends_with_the_call(google, idle):
    call = google.control("POST", "conferences", {"space": idle["space"], "recording": True})
    google.control("POST", f"conferences/{call['id']}/end")
    [ended] = recordings(google, call, idle["account"])
    assert ended["state"] == "ENDED"
    order(google, call, "file")
    assert recordings(google, call, idle["account"])[0]["state"] == "FILE_GENERATED"


def test_no_recording_whatever_the_habit_of_the_room(google):
    for space in google.world()["spaces"]:
        if not space["activeConference"]:
            body = {"space": space["name"], "participants": [{"email": "engineer-01@example.com"}]}
            google.control("POST", "conferences", {**body, "started_seconds_ago": 900, "recording": False})
    started = [each for each in google.world()["conferences"] if each["endTime"] is None]
    assert not [
        each
        for each in started
        if each["recording"] and each["participants"][0]["displayName"] == "Engineer 01"
    ]


def test_recording_can_have_a_state_that_google_added_since(google, idle):
    call = google.control("POST", "conferences", {"space": idle["space"], "recording": False})
    order(google, call, "start", state="PROCESSING")
    assert recordings(google, call, idle["account"])[0]["state"] == "PROCESSING"
    path = f"/v2/{call['name']}/recordings?$alt=json%3Benum-encoding%3Dint"
    answer = google.call("GET", path, token=google.token(idle["account"]))[1]
    assert answer["recordings"][0]["state"] == 4


@pytest.mark.parametrize(
    ("actions", "status"), [(["stop"], 409), (["file"], 409), (["start", "start"], 409), (["pause"], 400)]
)
def test_recording_order_that_makes_no_sense_is_refused(google, idle, actions, status):
    call = google.control("POST", "conferences", {"space": idle["space"], "recording": False})
    *before, last = actions
    for action in before:
        order(google, call, action)
    with pytest.raises(ControlError) as refusal:
        order(google, call, last)
    assert refusal.value.status == status


def test_subscribers_hear_of_a_recording_at_once(google, idle):
    topic, name = "projects/meetadmin-demo/topics/t", "projects/meetadmin-demo/subscriptions/s"
    google.control("POST", "topics", {"name": topic})
    google.control("POST", "push", {"name": name, "topic": topic})
    user = next(each["id"] for each in google.world()["accounts"] if each["email"] == idle["account"])
    kinds = [f"google.workspace.meet.recording.v2.{each}" for each in ("started", "ended", "fileGenerated")]
    body = {
        "targetResource": f"//cloudidentity.googleapis.com/users/{user}",
        "eventTypes": kinds,
        "notificationEndpoint": {"pubsubTopic": topic},
    }
    assert (
        google.call("POST", "/v1/subscriptions", body, token=google.token(idle["account"], READONLY))[0]
        == 200
    )
    call = google.control("POST", "conferences", {"space": idle["space"], "recording": True})
    order(google, call, "stop")
    order(google, call, "file")
    pull = google.token(None, "https://www.googleapis.com/auth/pubsub")
    answer = google.call("POST", f"/v1/{name}:pull", {"maxMessages": 10}, token=pull)[1]
    messages = [each["message"] for each in answer["receivedMessages"]]
    assert [each["attributes"]["ce-type"] for each in messages] == kinds
    recording = recordings(google, call, idle["account"])[0]["name"]
    assert {json.loads(base64.b64decode(each["data"]))["recording"]["name"] for each in messages} == {
        recording
    }


def test_demo_has_a_forgotten_bot_an_unnamed_device_and_a_running_recording():
    world = build_world(seed=1, rooms=120, scene="monday-morning")
    present = [
        {who.display_name for who in space.active.present()}
        for space in world.spaces.values()
        if space.active
    ]
    assert sum("Otter.ai" in names for names in present) == 2
    generated = {world.generated_name(room) for room in world.rooms}
    assert sum(bool(names & generated) and len(names) == 1 for names in present) == 2
    forgotten = [call for call in world.conferences.values() if call.recorded.get("recordings")]
    assert len(forgotten) == 2
    assert all({who.kind for who in call.present()} == {"device"} for call in forgotten)
