"""Google's own library for Workspace Events drives the simulator: what it can do, it does; what it cannot, is why we do without it
(docs/decisions/0012). When the last two tests fail, a new version of it deserves another look."""

from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.apps import events_subscriptions_v1 as library
from google.apps.events_subscriptions_v1.services.subscriptions_service.transports.rest import (
    SubscriptionsServiceRestTransport,
)
from google.oauth2.credentials import Credentials
from google.protobuf import json_format

from spaces.google.events import WANTED, user_target
from tests.support.push import TOPIC
from tests.support.simulator import SimulatorProcess

BERLIN = "rooms-ber@example.com"


@pytest.fixture
def client(google: SimulatorProcess) -> Iterator[library.SubscriptionsServiceClient]:
    """The official client, as a mailbox, over REST."""
    google.control("POST", "topics", {"name": TOPIC})
    credentials = Credentials(google.token(BERLIN))
    transport = SubscriptionsServiceRestTransport(host=google.url, credentials=credentials)
    with library.SubscriptionsServiceClient(transport=transport) as made:
        yield made


def wanted(google: SimulatorProcess) -> library.Subscription:
    number = next(one["id"] for one in google.world()["accounts"] if one["email"] == BERLIN)
    return library.Subscription(
        target_resource=user_target(str(number)),
        event_types=list(WANTED),
        notification_endpoint=library.NotificationEndpoint(pubsub_topic=TOPIC),
    )


def test_a_life(google, client):
    made = client.create_subscription(subscription=wanted(google)).result()
    with pytest.raises(exceptions.Conflict):
        client.create_subscription(subscription=wanted(google))
    condition = f'event_types:"{WANTED[0]}" AND target_resource="{made.target_resource}"'
    assert [one.name for one in client.list_subscriptions(filter=condition)] == [made.name]
    renewed = client.update_subscription(
        subscription=library.Subscription(name=made.name, ttl={"seconds": 0}), update_mask="ttl"
    ).result()
    assert renewed.expire_time >= made.expire_time
    google.control("POST", f"{made.name}/suspend", {"reason": "ENDPOINT_NOT_FOUND"})
    seen = client.get_subscription(name=made.name)
    assert seen.suspension_reason == library.Subscription.ErrorType.ENDPOINT_NOT_FOUND
    awake = client.reactivate_subscription(name=made.name).result()
    assert awake.state == library.Subscription.State.ACTIVE
    client.delete_subscription(name=made.name)
    with pytest.raises(exceptions.NotFound):
        client.get_subscription(name=made.name)


def test_it_cannot_read_an_operation_that_took_its_time(google, client):
    google.control("POST", "subscriptions", {"operation_seconds": 0.05})
    operation = client.create_subscription(subscription=wanted(google))
    with pytest.raises(json_format.ParseError, match="userAuthority"):
        operation.result(timeout=10)


def test_it_drops_reasons_that_are_newer_than_itself(google, client):
    made = client.create_subscription(subscription=wanted(google)).result()
    google.control("POST", f"{made.name}/suspend", {"reason": "APP_SCOPE_REVOKED"})
    unknown = library.Subscription.ErrorType.ERROR_TYPE_UNSPECIFIED
    assert client.get_subscription(name=made.name).suspension_reason == unknown
