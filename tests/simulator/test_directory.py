"""The Directory: rooms, buildings, features and users as the official client sees them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.support.discovery import faults_of
from tests.support.simulator import ControlError, SimulatorProcess

AUTH = "https://www.googleapis.com/auth/"
RESOURCES = AUTH + "admin.directory.resource.calendar"
USERS = AUTH + "admin.directory.user.readonly"
ADMIN = "it-admin@example.com"
MAILBOX = "rooms-ber@example.com"
DOCUMENT = "admin.directory_v1"


@pytest.fixture
def clients(google: SimulatorProcess) -> Iterator[Any]:
    """``clients(email, *scopes)``: the Directory of the library."""
    made: list[Any] = []

    def client(email: str = ADMIN, *scopes: str) -> Any:
        found = build(
            "admin",
            "directory_v1",
            credentials=Credentials(google.token(email, *(scopes or (RESOURCES, USERS)))),
            client_options={"api_endpoint": google.url},
            cache_discovery=False,
            static_discovery=True,
        )
        made.append(found)
        return found

    yield client
    for each in made:
        each.close()


@pytest.fixture
def directory(clients: Any) -> Any:
    """The administrator's Directory."""
    return clients()


def refusal(request: Any) -> tuple[int, str]:
    """(code, reason) of a request that must fail, in the Admin SDK's style."""
    with pytest.raises(HttpError) as caught:
        request.execute()
    error = json.loads(caught.value.content)["error"]
    return error["code"], error.get("errors", [{}])[0].get("reason", "")


def every(collection: Any, key: str = "items", **query: Any) -> list[dict[str, Any]]:
    """All pages of a list; every page is checked against Google's document."""
    found: list[dict[str, Any]] = []
    schema = {"items": "CalendarResources", "buildings": "Buildings", "features": "Features"}[key]
    request = collection.list(customer="my_customer", **query)
    while request is not None:
        answer = request.execute()
        assert faults_of(answer, {"$ref": schema}, name=DOCUMENT) == []
        found += answer.get(key, [])
        request = collection.list_next(request, answer)
    return found


def rooms(directory: Any, **query: Any) -> list[dict[str, Any]]:
    """Room resources."""
    return every(directory.resources().calendars(), **query)


def test_every_room_of_the_world_is_a_resource(google, directory):
    found = rooms(directory, maxResults=5)
    assert len(found) == 24 + 3
    conference_rooms = [each for each in found if each["resourceCategory"] == "CONFERENCE_ROOM"]
    world = google.world()["rooms"]
    assert [(each["resourceName"], each["capacity"], each["floorName"]) for each in conference_rooms] == [
        (each["name"], each["capacity"], each["floor"]) for each in world
    ]
    assert len({each["resourceId"] for each in found}) == len(found)
    assert all(each["resourceEmail"].endswith("@resource.calendar.google.com") for each in found)
    others = [each for each in found if each["resourceCategory"] == "OTHER"]
    assert others
    assert all("capacity" not in each for each in others)
    assert (
        directory.resources()
        .calendars()
        .get(customer="my_customer", calendarResourceId=found[3]["resourceId"])
        .execute()
        == found[3]
    )


def test_buildings_and_features(google, directory):
    buildings = every(directory.resources().buildings(), "buildings", maxResults=2)
    assert [each["buildingId"] for each in buildings] == [each["id"] for each in google.world()["buildings"]]
    assert buildings[0]["floorNames"] == google.world()["buildings"][0]["floors"]
    features = every(directory.resources().features(), "features")
    assert "Video conference" in [each["name"] for each in features]


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("buildingId=ber", lambda room: room["buildingId"] == "ber"),
        ("buildingId!=ber", lambda room: room["buildingId"] != "ber"),
        ("NOT buildingId=ber", lambda room: room["buildingId"] != "ber"),
        ("resourceCategory=CONFERENCE_ROOM", lambda room: room["resourceCategory"] == "CONFERENCE_ROOM"),
        ("name:Berlin*", lambda room: room["resourceName"].startswith("Berlin")),
        ('name="Berlin 1.01"', lambda room: room["resourceName"] == "Berlin 1.01"),
        ("capacity=8 AND floor_name=1", lambda room: room.get("capacity") == 8 and room["floorName"] == "1"),
        (
            "featureInstances.feature.name:Phone AND NOT buildingId=muc",
            lambda room: (
                "Phone" in [each["feature"]["name"] for each in room.get("featureInstances", [])]
                and room["buildingId"] != "muc"
            ),
        ),
        (
            'generatedResourceName:"Munich-"*',
            lambda room: room["generatedResourceName"].startswith("Munich-"),
        ),
    ],
)
def test_queries(directory, query, holds):
    everything = rooms(directory)
    expected = [each for each in everything if holds(each)]
    assert 0 < len(expected) < len(everything)
    assert rooms(directory, query=query) == expected


@pytest.mark.parametrize(
    "query",
    ["buildingId", "buildingId=ber OR buildingId=muc", "colour=blue", "buildingId=ber AND", "name=Berlin 1.01",
     "capacity=eight", "buildingId=ber*"],
)  # fmt: skip
def test_bad_queries(directory, query):
    request = directory.resources().calendars().list(customer="my_customer", query=query)
    assert refusal(request)[0] == 400


def test_order(directory):
    found = rooms(directory, orderBy="buildingId desc, capacity, resourceName desc", maxResults=7)
    names = sorted((each["resourceName"] for each in found), reverse=True)
    by_name = {each["resourceName"]: each for each in found}
    expected = sorted(names, key=lambda name: by_name[name].get("capacity", 0))
    expected.sort(key=lambda name: by_name[name]["buildingId"], reverse=True)
    assert [each["resourceName"] for each in found] == expected
    bad = directory.resources().calendars().list(customer="my_customer", orderBy="resourceEmail")
    assert refusal(bad)[0] == 400


def test_pages_have_limits(google, directory):
    calendars = directory.resources().calendars()
    token = google.token(ADMIN, RESOURCES)
    base = "/admin/directory/v1/customer/my_customer/resources/calendars"
    for size in ("0", "501", "many"):
        assert google.call("GET", f"{base}?maxResults={size}", token=token)[0] == 400
    first = calendars.list(customer="my_customer", maxResults=2).execute()
    other = calendars.list(
        customer="my_customer", maxResults=2, query="buildingId=ber", pageToken=first["nextPageToken"]
    )
    assert refusal(other)[0] == 400


def test_only_an_administrator_of_this_customer(google, clients, directory):
    helpdesk = clients("helpdesk@example.com").resources().calendars()
    assert refusal(helpdesk.list(customer="my_customer")) == (403, "forbidden")
    assert refusal(directory.resources().calendars().list(customer="C0other"))[0] == 403
    assert refusal(clients(ADMIN, USERS).resources().calendars().list(customer="my_customer"))[0] == 403
    google.control("POST", "users", {"email": "helpdesk@example.com", "admin": True})
    assert helpdesk.list(customer="my_customer").execute()["items"]


def test_changes(directory):
    calendars = directory.resources().calendars()
    room = rooms(directory)[0]
    key = {"customer": "my_customer", "calendarResourceId": room["resourceId"]}
    changed = calendars.patch(**key, body={"resourceName": "Aquarium", "capacity": 30}).execute()
    assert changed["resourceName"] == "Aquarium"
    assert changed["generatedResourceName"].endswith("Aquarium (30)")
    assert changed["resourceEmail"] == room["resourceEmail"]
    assert changed["etags"] != room["etags"]
    calendars.delete(**key).execute()
    assert refusal(calendars.get(**key)) == (404, "notFound")
    body = {"resourceId": "new-1", "resourceName": "Attic", "buildingId": "ber"}
    made = calendars.insert(customer="my_customer", body=body).execute()
    assert made in rooms(directory)
    assert refusal(calendars.insert(customer="my_customer", body=body)) == (409, "duplicate")
    features = directory.resources().features()
    features.rename(customer="my_customer", oldName="Phone", body={"newName": "Telephone"}).execute()
    assert rooms(directory, query="featureInstances.feature.name:Telephone")
    assert rooms(directory, query="featureInstances.feature.name:Phone") == []


def test_a_reader_cannot_write(clients):
    reader = clients(ADMIN, RESOURCES + ".readonly").resources().features()
    assert reader.list(customer="my_customer").execute()["features"]
    assert refusal(reader.insert(customer="my_customer", body={"name": "Sauna"}))[0] == 403


def test_what_an_administrator_did_survives_a_restart(tmp_path):
    path = "/admin/directory/v1/customer/my_customer/resources/features"
    file = tmp_path / "simulator.json"
    with SimulatorProcess(rooms=3, state=file) as google:
        token = google.token(ADMIN, RESOURCES)
        assert google.call("POST", path, {"name": "Sauna"}, token=token)[0] == 200
        google.control("POST", "users", {"email": MAILBOX, "suspended": True})
        google.control("POST", "reports", {"delay_seconds": 5})
    with SimulatorProcess(rooms=3, state=file) as google:
        assert google.call("GET", f"{path}/Sauna", token=token)[0] == 200
        user = f"/admin/directory/v1/users/{MAILBOX}"
        assert google.call("GET", user, token=google.token(ADMIN, USERS))[1]["suspended"] is True
        assert google.control("GET", "reports")["delay_seconds"] == 5


# -- users -----------------------------------------------------------------------------------------------------------


def test_an_owner_by_address_and_by_id(google, directory):
    found = directory.users().get(userKey=MAILBOX).execute()
    assert faults_of(found, {"$ref": "User"}, name=DOCUMENT) == []
    (account,) = (each for each in google.world()["accounts"] if each["email"] == MAILBOX)
    assert (found["id"], found["primaryEmail"], found["suspended"]) == (account["id"], MAILBOX, False)
    assert directory.users().get(userKey=account["id"]).execute() == found


def test_a_suspended_owner(google, directory):
    token = google.token(MAILBOX)
    google.control("POST", "users", {"email": MAILBOX, "suspended": True})
    found = directory.users().get(userKey=MAILBOX).execute()
    assert (found["suspended"], found["suspensionReason"]) == (True, "ADMIN")
    assert google.call("GET", "/v2/conferenceRecords", token=token)[0] == 401
    google.control("POST", "users", {"email": MAILBOX, "suspended": False})
    assert directory.users().get(userKey=MAILBOX).execute()["suspended"] is False


def test_a_deleted_owner_and_strangers_are_not_found(google, directory):
    google.control("POST", "users", {"email": MAILBOX, "deleted": True})
    for key in (MAILBOX, "stranger@elsewhere.example", "nobody@example.com"):
        assert refusal(directory.users().get(userKey=key)) == (404, "notFound")
    with pytest.raises(ControlError):
        google.control("POST", "users", {"email": "nobody@example.com"})


def test_colleagues_see_the_public_part(clients):
    users = clients("helpdesk@example.com").users()
    assert refusal(users.get(userKey=MAILBOX)) == (403, "forbidden")
    found = users.get(userKey=MAILBOX, viewType="domain_public").execute()
    assert found["primaryEmail"] == MAILBOX
    assert "suspended" not in found
