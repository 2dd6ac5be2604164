"""Workspace Events: subscriptions as the official client makes them, and what they deliver."""

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.support.discovery import faults_of
from tests.support.push import PULL, TOPIC, Puller, data_of
from tests.support.simulator import CREATED, READONLY, SETTINGS, SimulatorProcess

MEET = "google.workspace.meet."
STARTED, ENDED = MEET + "conference.v2.started", MEET + "conference.v2.ended"
JOINED, LEFT = MEET + "participant.v2.joined", MEET + "participant.v2.left"
ALL = [STARTED, ENDED, JOINED, LEFT]
OWNER = "rooms-ber@example.com"
WEEK = 7 * 86400


class Workspace:
    """The official client for one person, the puller of the topic, and the world's facts."""

    def __init__(self, google: SimulatorProcess) -> None:
        self.google = google
        self.puller = Puller(google)
        self.world = google.world()
        self.clients: dict[tuple[str, ...], Any] = {}

    def client(self, email: str = OWNER, *scopes: str) -> Any:
        """Subscriptions of the API, from the discovery document that the library brings."""
        key = (email, *scopes)
        if key not in self.clients:
            self.clients[key] = build(
                "workspaceevents",
                "v1",
                credentials=Credentials(self.google.token(email, *scopes)),
                client_options={"api_endpoint": self.google.url},
                cache_discovery=False,
                static_discovery=True,
            )
        return self.clients[key].subscriptions()

    def user(self, email: str = OWNER) -> str:
        """The target that stands for a user."""
        for each in (*self.world["people"], *self.world["accounts"]):
            if each["email"] == email:
                return f"//cloudidentity.googleapis.com/users/{each['id']}"
        raise AssertionError(email)

    def space(self, *, owner: str = OWNER, ours: bool = True) -> dict[str, Any]:
        """An idle space."""
        for each in self.world["spaces"]:
            if (
                each["owner"] == owner
                and not each["activeConference"]
                and (each["project"] == "meetadmin-demo") == ours
            ):
                return dict(each)
        raise AssertionError("no such space")

    def subscribe(
        self, target: str = "", *types: str, email: str = OWNER, scopes: tuple[str, ...] = (), **more: Any
    ) -> dict[str, Any]:
        """Create a subscription; answers what the operation brings."""
        body = {
            "targetResource": target or self.user(email),
            "eventTypes": list(types or ALL),
            "notificationEndpoint": {"pubsubTopic": TOPIC},
            "payloadOptions": {"includeResource": False},
            **more,
        }
        operation = self.client(email, *scopes).create(body=body).execute()
        assert operation["done"] is True
        assert operation["response"].pop("@type").endswith(".Subscription")
        return dict(operation["response"])


@contextlib.contextmanager
def workspace_of(google: SimulatorProcess) -> Iterator[Workspace]:
    """A workspace whose connections are closed in the end."""
    made = Workspace(google)
    try:
        yield made
    finally:
        for each in made.clients.values():
            each.close()


@pytest.fixture
def workspace(google: SimulatorProcess) -> Iterator[Workspace]:
    """A topic that Meet may publish to, with a pull subscription."""
    with workspace_of(google) as made:
        yield made


def refusal(request: Any) -> tuple[int, str, str]:
    """(code, status word, reason in the details) of a request that must fail."""
    with pytest.raises(HttpError) as caught:
        request.execute()
    error = json.loads(caught.value.content)["error"]
    reasons = [each.get("reason", "") for each in error.get("details", [])]
    return error["code"], error["status"], "".join(reasons)


def test_a_subscription_lives_a_week_and_belongs_to_its_user(workspace):
    made = workspace.subscribe()
    assert made["state"] == "ACTIVE"
    assert made["authority"] == made["userAuthority"] == f"users/{workspace.user().rsplit('/', 1)[1]}"
    life = datetime.fromisoformat(made["expireTime"]) - datetime.fromisoformat(made["createTime"])
    assert abs(life - timedelta(days=7)) < timedelta(seconds=2)
    assert "ttl" not in made
    assert workspace.client().get(name=made["name"]).execute() == made
    code, _, _ = refusal(workspace.client("rooms-muc@example.com").get(name=made["name"]))
    assert code == 403


def test_an_operation_can_be_asked_again(workspace):
    workspace.google.control("POST", "subscriptions", {"operation_seconds": 60})
    body = {
        "targetResource": workspace.user(),
        "eventTypes": ALL,
        "notificationEndpoint": {"pubsubTopic": TOPIC},
    }
    operation = workspace.client().create(body=body).execute()
    operations = workspace.clients[(OWNER,)].operations()
    assert "done" not in operation
    assert "done" not in operations.get(name=operation["name"]).execute()
    workspace.google.advance(61)
    assert operations.get(name=operation["name"]).execute()["response"]["state"] == "ACTIVE"


def test_what_the_owner_hears_of_a_call(workspace):
    workspace.subscribe()
    space = workspace.space()
    call = workspace.google.start_conference(space["name"], {"guest": "A"})
    workspace.google.control("POST", f"conferences/{call['id']}/leave", {"guest": "A"})
    workspace.google.control("POST", f"conferences/{call['id']}/end")
    messages = sorted(workspace.puller.receive(), key=lambda each: each["publishTime"])
    assert [each["attributes"]["ce-type"] for each in messages] == [STARTED, JOINED, LEFT, ENDED]
    record, session = data_of(messages[0]), data_of(messages[1])
    assert record == data_of(messages[3]) == {"conferenceRecord": {"name": call["name"]}}
    assert session == data_of(messages[2])
    status, found = workspace.google.call(
        "GET", "/v2/" + session["participantSession"]["name"], token=workspace.google.token(OWNER)
    )
    assert status == 200
    assert found["endTime"]


def test_the_message_is_a_cloud_event(workspace):
    made = workspace.subscribe()
    workspace.google.start_conference(workspace.space()["name"])
    (message,) = workspace.puller.receive()
    source = f"//workspaceevents.googleapis.com/{made['name']}"
    assert set(message) == {"attributes", "data", "messageId", "orderingKey", "publishTime"}
    assert message["orderingKey"] == source
    attributes = message["attributes"]
    assert attributes["ce-source"] == source
    assert attributes["ce-subject"] == workspace.user()
    assert attributes["ce-specversion"] == "1.0"
    assert attributes["ce-datacontenttype"] == "application/json"
    assert datetime.fromisoformat(attributes["ce-time"]).tzinfo is not None
    assert set(attributes) == {
        "ce-id", "ce-source", "ce-subject", "ce-specversion", "ce-datacontenttype", "ce-time", "ce-type",
    }  # fmt: skip


def test_ending_through_the_api_is_told_too(workspace):
    workspace.subscribe("", STARTED, ENDED)
    space = workspace.space()
    workspace.google.start_conference(space["name"], {"guest": "A"})
    token = workspace.google.token(OWNER)
    assert (
        workspace.google.call("POST", f"/v2/{space['name']}:endActiveConference", {}, token=token)[0] == 200
    )
    assert workspace.puller.types() == ["conference.v2.started", "conference.v2.ended"]


def test_a_space_subscription_hears_of_its_space_only(workspace):
    space = workspace.space()
    target = f"//meet.googleapis.com/{space['name']}"
    workspace.subscribe(target, STARTED)
    others = [
        each["name"]
        for each in workspace.world["spaces"]
        if each["owner"] == OWNER and not each["activeConference"] and each["name"] != space["name"]
    ]
    workspace.google.start_conference(others[0])
    workspace.google.start_conference(space["name"])
    (message,) = workspace.puller.receive()
    assert message["attributes"]["ce-subject"] == target


def test_recordings_and_their_files_are_told(workspace):
    workspace.subscribe("", *(f"{MEET}recording.v2.{each}" for each in ("started", "ended", "fileGenerated")))
    space = workspace.space()
    token = workspace.google.token(OWNER)
    path = "config.artifactConfig.recordingConfig.autoRecordingGeneration"
    body = {"config": {"artifactConfig": {"recordingConfig": {"autoRecordingGeneration": "ON"}}}}
    status, _ = workspace.google.call("PATCH", f"/v2/{space['name']}?updateMask={path}", body, token=token)
    assert status == 200
    call = workspace.google.start_conference(space["name"], {"email": "participant@example.com"})
    workspace.google.advance(240)
    workspace.google.control("POST", f"conferences/{call['id']}/end")
    workspace.google.advance(600)
    messages = workspace.puller.receive()
    kinds = {each["attributes"]["ce-type"].rsplit(".", 1)[1] for each in messages}
    assert kinds == {"started", "ended", "fileGenerated"}
    name = data_of(messages[0])["recording"]["name"]
    assert name.startswith(call["name"] + "/recordings/")
    assert workspace.google.call("GET", f"/v2/{name}", token=token)[1]["state"] == "FILE_GENERATED"


def test_an_invited_member_hears_little(workspace):
    space = workspace.space()
    workspace.google.call(
        "POST", f"/v2/{space['name']}/members", {"email": "participant@example.com"},
        token=workspace.google.token(OWNER),
    )  # fmt: skip
    workspace.subscribe(f"//meet.googleapis.com/{space['name']}", email="participant@example.com")
    call = workspace.google.start_conference(space["name"], {"guest": "A"})
    assert workspace.puller.types() == ["conference.v2.started"]
    workspace.google.control("POST", f"conferences/{call['id']}/join", {"email": "participant@example.com"})
    workspace.google.control("POST", f"conferences/{call['id']}/end")
    assert workspace.puller.types().count("conference.v2.ended") == 1


def test_with_created_alone_only_own_spaces_are_heard(workspace):
    foreign = workspace.google.control("POST", "spaces", {"owner": OWNER, "project": "meet"})
    workspace.subscribe("", STARTED, scopes=(CREATED,))
    workspace.google.start_conference(foreign["name"])
    assert workspace.puller.receive() == []
    workspace.google.start_conference(workspace.space()["name"])
    assert workspace.puller.types() == ["conference.v2.started"]


def test_the_movement_of_the_world_is_told_without_anybody_asking():
    with SimulatorProcess(rooms=60, still=False) as google, workspace_of(google) as workspace:
        workspace.subscribe("", JOINED)
        google.advance(1800)
        assert len(workspace.puller.receive()) > 3


# -- refusals --------------------------------------------------------------------------------------------------------


def body_for(target: str, **change: Any) -> dict[str, Any]:
    """A good body with something changed."""
    return {
        "targetResource": target,
        "eventTypes": [STARTED],
        "notificationEndpoint": {"pubsubTopic": TOPIC},
        **change,
    }


@pytest.mark.parametrize("who", [OWNER, "me", "rooms-muc@example.com", "110000000000000000000"])
def test_a_user_is_named_by_id_and_only_oneself(workspace, who):
    body = body_for(f"//cloudidentity.googleapis.com/users/{who}")
    assert refusal(workspace.client().create(body=body)) == (
        403, "PERMISSION_DENIED", "TARGET_RESOURCE_ACCESS_DENIED",
    )  # fmt: skip


def test_a_space_is_named_by_id_and_not_by_a_stranger(workspace):
    space = workspace.space()
    by_code = body_for(f"//meet.googleapis.com/spaces/{space['meetingCode']}")
    by_id = body_for(f"//meet.googleapis.com/{space['name']}")
    assert refusal(workspace.client().create(body=by_code))[2] == "TARGET_RESOURCE_ACCESS_DENIED"
    stranger = workspace.client("helpdesk@example.com").create(body=by_id)
    assert refusal(stranger)[2] == "TARGET_RESOURCE_ACCESS_DENIED"


@pytest.mark.parametrize(
    "topic", ["projects/another-app/topics/meet-events", "projects/meetadmin-demo/topics/none", "meet-events"]
)
def test_the_topic_must_be_ours(workspace, topic):
    body = body_for(workspace.user(), notificationEndpoint={"pubsubTopic": topic})
    assert refusal(workspace.client().create(body=body))[::2] == (400, "INVALID_PUBSUB_TOPIC")


@pytest.mark.parametrize(
    "change",
    [
        {"eventTypes": []},
        {"eventTypes": ["google.workspace.chat.message.v1.created"]},
        {"eventTypes": [STARTED, MEET + "space.v2.updated"]},
        {"ttl": "604801s"},
        {"ttl": "a week"},
        {"ttl": "60s", "expireTime": "2126-01-01T00:00:00Z"},
        {"expireTime": "2026-01-01T00:00:00Z"},
        {"payloadOptions": {"includeResource": True}},
        {"notificationEndpoint": {}},
        {"targetResource": "//chat.googleapis.com/spaces/X"},
    ],
)
def test_bad_bodies_are_refused(workspace, change):
    body = body_for(workspace.user(), **change)
    assert refusal(workspace.client().create(body=body))[:2] == (400, "INVALID_ARGUMENT")
    assert workspace.google.control("GET", "subscriptions")["subscriptions"] == []


def test_an_unknown_field_is_refused(workspace):
    token = workspace.google.token(OWNER)
    body = body_for(workspace.user(), colour="blue")
    status, answer = workspace.google.call("POST", "/v1/subscriptions", body, token=token)
    assert status == 400
    assert "colour" in answer["error"]["message"]


def test_a_second_one_for_the_same_target_exists_already(workspace):
    workspace.subscribe()
    again = workspace.client().create(body=body_for(workspace.user()))
    assert refusal(again)[:2] == (409, "ALREADY_EXISTS")
    workspace.subscribe(email="rooms-muc@example.com")


def test_scopes_and_tokens(workspace):
    body = body_for(workspace.user())
    code, _, reason = refusal(workspace.client(OWNER, SETTINGS).create(body=body))
    assert (code, reason) == (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
    workspace.subscribe(scopes=(READONLY,))
    assert workspace.google.call("GET", "/v1/subscriptions/x")[0] == 401
    nobody = workspace.google.token(None)
    assert workspace.google.call("POST", "/v1/subscriptions", body, token=nobody)[0] == 403


def test_an_api_that_is_not_enabled(workspace):
    host = "workspaceevents.googleapis.com"
    workspace.google.control("POST", "behaviour", {"disabled_services": [host]})
    body = body_for(workspace.user())
    assert refusal(workspace.client().create(body=body))[::2] == (403, "SERVICE_DISABLED")


def test_every_reply_fits_googles_document(workspace):
    name = "workspaceevents.v1"
    token = workspace.google.token(OWNER)
    made = workspace.subscribe()
    status, operation = workspace.google.call("POST", f"/v1/{made['name']}:reactivate", {}, token=token)
    assert status == 400
    workspace.google.control("POST", f"{made['name']}/suspend", {"reason": "OTHER"})
    shown = workspace.google.call("GET", f"/v1/{made['name']}", token=token)[1]
    assert faults_of(shown, {"$ref": "Subscription"}, name=name) == []
    status, operation = workspace.google.call("POST", f"/v1/{made['name']}:reactivate", {}, token=token)
    assert faults_of(operation, {"$ref": "Operation"}, name=name) == []
    query = f"?filter=event_types:%22{STARTED}%22"
    found = workspace.google.call("GET", f"/v1/subscriptions{query}", token=token)[1]
    assert found["subscriptions"]
    assert faults_of(found, {"$ref": "ListSubscriptionsResponse"}, name=name) == []


def test_only_a_preview(workspace):
    operation = workspace.client().create(body=body_for(workspace.user()), validateOnly=True).execute()
    assert operation["response"]["targetResource"] == workspace.user()
    assert workspace.google.control("GET", "subscriptions")["subscriptions"] == []


# -- list ------------------------------------------------------------------------------------------------------------


def test_the_list_shows_ones_own_and_needs_an_event_type(workspace):
    mine = workspace.subscribe("", STARTED)
    workspace.subscribe("", STARTED, email="rooms-muc@example.com")
    space = workspace.subscribe(f"//meet.googleapis.com/{workspace.space()['name']}", ENDED)

    def names(text: str) -> list[str]:
        answer = workspace.client().list(filter=text).execute()
        return [each["name"] for each in answer.get("subscriptions", [])]

    assert names(f'event_types:"{STARTED}"') == [mine["name"]]
    assert names(f'event_types:"{STARTED}" OR event_types:"{ENDED}"') == [mine["name"], space["name"]]
    both = f'(event_types:"{STARTED}" OR event_types:"{ENDED}")'
    assert names(f'{both} AND target_resource="{space["targetResource"]}"') == [space["name"]]
    assert names(f'event_types:"{JOINED}"') == []
    assert workspace.client().list(filter=f'event_types:"{JOINED}"').execute() == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        'target_resource="//meet.googleapis.com/spaces/X"',
        'event_types:"nothing"',
        f'event_types="{STARTED}"',
        f'event_types:"{STARTED}" AND',
        f'(event_types:"{STARTED}"',
        f'event_types:"{STARTED}" OR event_types:"{ENDED}" AND target_resource="x"',
        "event_types:*",
    ],
)
def test_bad_filters(workspace, text):
    token = workspace.google.token(OWNER)
    query = f"?filter={text.replace(' ', '%20').replace('&', '%26')}" if text else ""
    assert workspace.google.call("GET", f"/v1/subscriptions{query}", token=token)[0] == 400


def test_the_list_has_pages(workspace):
    for each in [one for one in workspace.world["spaces"] if one["owner"] == OWNER][:5]:
        workspace.subscribe(f"//meet.googleapis.com/{each['name']}", STARTED)
    client, seen = workspace.client(), []
    request = client.list(filter=f'event_types:"{STARTED}"', pageSize=2)
    while request is not None:
        answer = request.execute()
        seen.append([each["name"] for each in answer["subscriptions"]])
        request = client.list_next(request, answer)
    assert [len(page) for page in seen] == [2, 2, 1]
    assert len({name for page in seen for name in page}) == 5


# -- change and end --------------------------------------------------------------------------------------------------


def test_renewing_to_the_longest(workspace):
    made = workspace.subscribe(ttl="3600s")
    operation = workspace.client().patch(name=made["name"], updateMask="ttl", body={"ttl": "0s"}).execute()
    left = datetime.fromisoformat(operation["response"]["expireTime"]) - datetime.fromisoformat(
        made["createTime"]
    )
    assert left > timedelta(days=6, hours=23)
    assert operation["response"]["etag"] != made["etag"]


def test_event_types_can_change_and_the_target_cannot(workspace):
    made = workspace.subscribe("", STARTED)
    client = workspace.client()
    changed = client.patch(name=made["name"], updateMask="eventTypes", body={"eventTypes": [ENDED]}).execute()
    assert changed["response"]["eventTypes"] == [ENDED]
    target = client.patch(name=made["name"], updateMask="target_resource", body={"targetResource": "x"})
    assert refusal(target)[0] == 400
    stale = client.patch(name=made["name"], updateMask="ttl", body={"ttl": "0s", "etag": made["etag"]})
    assert refusal(stale)[:2] == (409, "ABORTED")


def test_delete(workspace):
    made = workspace.subscribe()
    client = workspace.client()
    assert refusal(client.delete(name=made["name"], etag="old"))[:2] == (409, "ABORTED")
    client.delete(name=made["name"], validateOnly=True).execute()
    assert client.get(name=made["name"]).execute() == made
    assert client.delete(name=made["name"], etag=made["etag"]).execute()["done"] is True
    assert refusal(client.delete(name=made["name"]))[0] == 404
    assert client.delete(name=made["name"], allowMissing=True).execute()["done"] is True
    workspace.google.start_conference(workspace.space()["name"])
    assert workspace.puller.receive() == []


def test_reminders_and_the_end_for_good(workspace):
    made = workspace.subscribe()
    workspace.google.advance(WEEK - 12 * 3600 - 60)
    assert workspace.puller.types() == []
    workspace.google.advance(120)
    (reminder,) = workspace.puller.receive()
    assert reminder["attributes"]["ce-type"] == "google.workspace.events.subscription.v1.expirationReminder"
    found = data_of(reminder)["subscription"]
    assert found["name"] == made["name"]
    fresh = workspace.google.token(OWNER)
    shown = workspace.google.call("GET", f"/v1/{made['name']}", token=fresh)[1]
    assert found["expire_time"] == shown["expireTime"]
    workspace.google.advance(11 * 3600)
    assert workspace.puller.types() == ["events.subscription.v1.expirationReminder"]
    workspace.google.advance(3600)
    assert workspace.puller.types() == ["events.subscription.v1.expired"]
    assert workspace.google.call("GET", f"/v1/{made['name']}", token=workspace.google.token(OWNER))[0] == 404
    workspace.google.start_conference(workspace.space()["name"])
    assert workspace.puller.receive() == []


def test_nothing_that_happens_after_the_end_is_told():
    with SimulatorProcess(rooms=60, still=False) as google, workspace_of(google) as workspace:
        workspace.subscribe("", JOINED, ttl="600s")
        google.advance(7200)
        messages = workspace.puller.receive()
        (expired,) = (each for each in messages if each["attributes"]["ce-type"].endswith(".expired"))
        assert all(
            datetime.fromisoformat(each["attributes"]["ce-time"])
            <= datetime.fromisoformat(expired["attributes"]["ce-time"])
            for each in messages
        )


def test_suspended_and_reactivated(workspace):
    made = workspace.subscribe("", STARTED)
    client = workspace.client()
    assert refusal(client.reactivate(name=made["name"], body={}))[:2] == (400, "FAILED_PRECONDITION")
    path = f"{made['name']}/suspend"
    workspace.google.control("POST", path, {"reason": "ENDPOINT_RESOURCE_EXHAUSTED"})
    (message,) = workspace.puller.receive()
    assert message["attributes"]["ce-type"] == "google.workspace.events.subscription.v1.suspended"
    assert data_of(message)["subscription"]["suspension_reason"] == "ENDPOINT_RESOURCE_EXHAUSTED"
    shown = client.get(name=made["name"]).execute()
    assert (shown["state"], shown["suspensionReason"]) == ("SUSPENDED", "ENDPOINT_RESOURCE_EXHAUSTED")
    workspace.google.start_conference(workspace.space()["name"])
    assert workspace.puller.receive() == []
    back = client.reactivate(name=made["name"], body={}).execute()["response"]
    assert back["state"] == "ACTIVE"
    assert "suspensionReason" not in back


def test_taking_back_the_consent_suspends(workspace):
    made = workspace.subscribe("", STARTED)
    workspace.google.control("POST", "revoke", {"email": OWNER})
    (shown,) = workspace.google.control("GET", "subscriptions")["subscriptions"]
    assert (shown["name"], shown["suspensionReason"]) == (made["name"], "USER_SCOPE_REVOKED")


def test_without_the_publisher_role_there_is_silence(workspace):
    workspace.google.control("POST", "topics", {"name": TOPIC, "publisher": False})
    made = workspace.subscribe("", STARTED)
    workspace.google.start_conference(workspace.space()["name"])
    assert workspace.puller.receive() == []
    assert workspace.client().get(name=made["name"]).execute()["state"] == "ACTIVE"


def test_a_topic_that_is_gone_suspends(workspace):
    made = workspace.subscribe("", STARTED)
    workspace.google.control("DELETE", f"topics?name={TOPIC}")
    workspace.google.start_conference(workspace.space()["name"])
    client = workspace.client()
    assert client.get(name=made["name"]).execute()["suspensionReason"] == "ENDPOINT_NOT_FOUND"
    assert refusal(client.reactivate(name=made["name"], body={}))[:2] == (400, "FAILED_PRECONDITION")
    workspace.google.control("POST", "topics", {"name": TOPIC})
    assert client.reactivate(name=made["name"], body={}).execute()["response"]["state"] == "ACTIVE"


def test_subscriptions_and_messages_survive_a_restart(tmp_path):
    file = tmp_path / "simulator.json"
    with SimulatorProcess(state=file) as google, workspace_of(google) as workspace:
        made = workspace.subscribe("", STARTED)
        google.start_conference(workspace.space()["name"])
    with SimulatorProcess(state=file) as google:
        (kept,) = google.control("GET", "subscriptions")["subscriptions"]
        assert {name: kept[name] for name in made} == made
        assert google.control("GET", "push")["subscriptions"][0]["name"] == PULL
        again = Workspace(google)
        assert again.puller.types() == ["conference.v2.started"]
        google.start_conference(again.space()["name"])
        assert again.puller.types() == ["conference.v2.started"]
