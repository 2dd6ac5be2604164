"""Reports: Meet's log as the official client reads it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.support.discovery import faults_of
from tests.support.simulator import SimulatorProcess

SCOPE = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
ADMIN = "it-admin@example.com"
DELAY = 900


@pytest.fixture
def clients(google: SimulatorProcess) -> Iterator[Any]:
    """``clients(email, *scopes)``: the activities of the library."""
    made: list[Any] = []

    def client(email: str = ADMIN, *scopes: str) -> Any:
        found = build(
            "admin",
            "reports_v1",
            credentials=Credentials(google.token(email, *(scopes or (SCOPE,)))),
            client_options={"api_endpoint": google.url},
            cache_discovery=False,
            static_discovery=True,
        )
        made.append(found)
        return found.activities()

    yield client
    for each in made:
        each.close()


def listed(activities: Any, **query: Any) -> list[dict[str, Any]]:
    """All pages, checked against Google's document."""
    found: list[dict[str, Any]] = []
    request = activities.list(userKey="all", applicationName="meet", eventName="call_ended", **query)
    while request is not None:
        answer = request.execute()
        assert faults_of(answer, {"$ref": "Activities"}, name="admin.reports_v1") == []
        found += answer.get("items", [])
        request = activities.list_next(request, answer)
    return found


def parameters(activity: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the one event of an activity."""
    (event,) = activity["events"]
    assert event["name"] == "call_ended"
    return {
        each["name"]: each.get("value", each.get("intValue", each.get("boolValue")))
        for each in event["parameters"]
    }


def status_of(request: Any) -> int:
    """The status of a request that must fail."""
    with pytest.raises(HttpError) as caught:
        request.execute()
    return int(json.loads(caught.value.content)["error"]["code"])


def foreign_call(google: SimulatorProcess) -> dict[str, Any]:
    """A call in a space that somebody made without our app, in which two were; it is over."""
    space = google.control("POST", "spaces", {"owner": "facility-berlin@example.com", "project": "meet"})
    call = google.start_conference(
        space["name"], {"email": "participant@example.com"}, {"device": "Berlin 1.01"}, {"guest": "Visitor"}, ago=600
    )  # fmt: skip
    google.control("POST", f"conferences/{call['id']}/end")
    return dict(space)


def test_a_code_leads_to_its_owner_after_a_while(google, clients):
    space = foreign_call(google)
    code = space["meetingCode"].replace("-", "").upper()
    assert listed(clients(), filters=f"meeting_code=={code}") == []
    google.advance(DELAY + 1)
    found = [parameters(each) for each in listed(clients(), filters=f"meeting_code=={code}")]
    assert len(found) == 3
    assert {each["organizer_email"] for each in found} == {"facility-berlin@example.com"}
    assert {each["device_type"] for each in found} == {"web", "chromebox"}
    kinds = {each.get("identifier_type"): each for each in found}
    assert kinds["email_address"]["identifier"] == "participant@example.com"
    assert kinds["device_id"]["display_name"] == "Berlin 1.01 device"
    assert kinds["email_address"]["is_external"] is False
    assert kinds[None]["is_external"] is True
    assert 599 <= int(kinds["email_address"]["duration_seconds"]) <= 630


def test_spelling_and_delay_can_be_switched(google, clients):
    google.control("POST", "reports", {"delay_seconds": 0, "dashed_codes": True})
    space = foreign_call(google)
    assert len(listed(clients(), filters=f"meeting_code=={space['meetingCode']}")) == 3


def test_newest_first_in_pages(google, clients):
    found = listed(clients(), maxResults=7)
    assert len(found) > 14
    times = [each["id"]["time"] for each in found]
    assert times == sorted(times, reverse=True)
    assert len({each["id"]["uniqueQualifier"] for each in found}) == len(found)
    middle = times[len(times) // 2]
    assert [each["id"]["time"] for each in listed(clients(), startTime=middle)] == [
        t for t in times if t >= middle
    ]
    assert [each["id"]["time"] for each in listed(clients(), endTime=middle)] == [
        t for t in times if t <= middle
    ]


def test_several_filters_and_numbers(clients):
    activities = clients()
    everything = [parameters(each) for each in listed(activities)]
    found = listed(activities, filters="device_type==chromebox,duration_seconds>=1800")
    expected = [
        each
        for each in everything
        if each["device_type"] == "chromebox" and int(each["duration_seconds"]) >= 1800
    ]
    assert 0 < len(expected) < len(everything)
    assert [parameters(each) for each in found] == expected
    others = listed(activities, filters="device_type<>chromebox")
    assert len(others) == len([each for each in everything if each["device_type"] != "chromebox"])


def test_a_running_call_is_invisible(google, clients):
    google.control("POST", "reports", {"delay_seconds": 0})
    space = google.control("POST", "spaces", {"owner": ADMIN, "project": "meet"})
    google.start_conference(space["name"], {"guest": "A"})
    code = space["meetingCode"].replace("-", "").upper()
    assert listed(clients(), filters=f"meeting_code=={code}") == []


def test_one_user(clients):
    activities = clients()
    person = next(each["actor"]["email"] for each in listed(activities) if "email" in each["actor"])
    answer = activities.list(userKey=person, applicationName="meet").execute()
    assert {each["actor"]["email"] for each in answer["items"]} == {person}


def test_refusals(google, clients):
    activities = clients()
    meet = {"userKey": "all", "applicationName": "meet"}
    assert status_of(activities.list(**meet, filters="meeting_code==X")) == 400  # without eventName
    assert status_of(activities.list(**meet, eventName="call_ended", filters="colour==blue")) == 400
    assert status_of(activities.list(**meet, maxResults=1001)) == 400
    path = "/admin/reports/v1/activity/users/all/applications/meet"
    assert google.call("GET", f"{path}?startTime=yesterday", token=google.token(ADMIN, SCOPE))[0] == 400
    assert status_of(activities.list(**meet, pageToken="nonsense")) == 400
    assert status_of(clients("helpdesk@example.com").list(**meet)) == 403
    assert google.call("GET", path, token=google.token(ADMIN))[0] == 403
