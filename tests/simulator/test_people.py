"""Accounts as they occur: aliases, renamed, deleted and made again, private ones at a company address, and groups."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jwt
import pytest
import requests

from simulator.identity import CLIENT_ID
from tests.simulator.test_signin import _assertion, _by_assertion
from tests.support.discovery import faults_of
from tests.support.simulator import ControlError, SimulatorProcess

ADMIN = "it-admin@example.com"
OWNER = "room-owner@example.com"
ALIAS = "owner-of-rooms@example.com"
MAILBOX = "rooms-ber@example.com"
SCOPES = [f"https://www.googleapis.com/auth/admin.directory.{each}" for each in ("user", "group", "customer")]
CALLBACK = "http://127.0.0.1:9/accounts/google/login/callback/"


@pytest.fixture
def key(google: SimulatorProcess) -> dict[str, str]:
    """The service account's key file."""
    answer = google.control("GET", "service-account")
    assert isinstance(answer, dict)
    return answer


def ask(google: SimulatorProcess, path: str, who: str = ADMIN) -> tuple[int, Any]:
    """A GET of the Directory."""
    return google.call("GET", f"/admin/directory/v1/{path}", token=google.token(who, *SCOPES))


def change(google: SimulatorProcess, email: str, **what: Any) -> dict[str, Any]:
    """What an administrator does to an account."""
    answer = google.control("POST", "users", {"email": email, **what})
    assert isinstance(answer, dict)
    return answer


def claims(google: SimulatorProcess, account: str) -> dict[str, Any]:
    """Sign in with an account of the sign-in page; the claims of the ID token."""
    form = {
        "client_id": CLIENT_ID, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid email profile",
        "account": account,
    }  # fmt: skip
    reply = requests.post(google.url + "/o/oauth2/v2/auth", data=form, allow_redirects=False, timeout=30)
    match = re.search(r"code=([^&]+)", reply.headers.get("Location", ""))
    assert match is not None, reply.text
    exchange = {
        "grant_type": "authorization_code", "code": unquote(match[1]), "redirect_uri": CALLBACK,
        "client_id": CLIENT_ID, "client_secret": "demo-only-client-secret",
    }  # fmt: skip
    token = requests.post(google.url + "/token", data=exchange, timeout=30).json()["id_token"]
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


# -- aliases ---------------------------------------------------------------------------------------------------------


def test_user_is_found_by_alias_and_shows_all_addresses(google):
    status, found = ask(google, f"users/{ALIAS}")
    assert (status, found["primaryEmail"], found["aliases"]) == (200, OWNER, [ALIAS])
    assert found["nonEditableAliases"] == ["room-owner@example.com.test-google-a.com"]
    assert {each["address"] for each in found["emails"]} == {OWNER, ALIAS, *found["nonEditableAliases"]}
    assert faults_of(found, {"$ref": "User"}, name="admin.directory_v1") == []
    listed = ask(google, f"users/{OWNER}/aliases")[1]
    assert [each["alias"] for each in listed["aliases"]] == [ALIAS]
    assert "aliases" not in ask(google, f"users/{OWNER}?viewType=domain_public", "helpdesk@example.com")[1]


def test_alias_signs_in_and_is_impersonated_as_the_primary_address(google, key):
    assert claims(google, ALIAS)["email"] == OWNER
    token = _by_assertion(google, _assertion(key, sub=ALIAS)).json()["access_token"]
    google.call("POST", "/v2/spaces", {}, token=token)
    assert google.world()["spaces"][-1]["owner"] == OWNER


def test_member_by_alias_is_a_participant(google):
    token = google.token(MAILBOX)
    space = google.call("POST", "/v2/spaces", {}, token=token)[1]["name"]
    google.call("POST", f"/v2/{space}/members", {"email": ALIAS}, token=token)
    google.start_conference(space, {"guest": "A"})
    assert "activeConference" in google.call("GET", f"/v2/{space}", token=google.token(OWNER))[1]


def test_aliases_can_be_changed_but_not_taken_from_others(google):
    change(google, "participant@example.com", aliases=["p@example.com"])
    assert ask(google, "users/p@example.com")[1]["primaryEmail"] == "participant@example.com"
    for taken in (OWNER, ALIAS, "participant@example.com"):
        with pytest.raises(ControlError) as refusal:
            change(google, "participant@example.com", aliases=[taken])
        assert refusal.value.status == 409
    change(google, "participant@example.com", aliases=[])
    assert ask(google, "users/p@example.com")[0] == 404


def test_renamed_user_keeps_id_spaces_and_tokens(google):
    before = ask(google, f"users/{MAILBOX}")[1]["id"]
    token = google.token(MAILBOX)
    space = google.call("POST", "/v2/spaces", {}, token=token)[1]["name"]
    renamed = change(google, MAILBOX, rename="rooms-berlin@example.com")
    assert (renamed["id"], renamed["aliases"]) == (before, [MAILBOX])
    assert "config" in google.call("GET", f"/v2/{space}", token=token)[1]
    assert ask(google, f"users/{MAILBOX}")[1]["primaryEmail"] == "rooms-berlin@example.com"
    with pytest.raises(ControlError):
        change(google, "rooms-berlin@example.com", rename=OWNER)


# -- deleted and made again ------------------------------------------------------------------------------------------


def test_recreated_account_has_the_address_and_a_new_id(google):
    before = claims(google, OWNER)
    change(google, OWNER, deleted=True)
    again = change(google, OWNER, recreate=True)
    after = claims(google, OWNER)
    assert (after["email"], after["hd"]) == (before["email"], before["hd"])
    assert after["sub"] == again["id"] != before["sub"]
    assert ask(google, f"users/{OWNER}")[1]["id"] == again["id"]
    assert ask(google, f"users/{before['sub']}")[0] == 404
    gone = ask(google, "users?customer=my_customer&showDeleted=true")[1]["users"]
    assert [(each["primaryEmail"], each["id"]) for each in gone] == [(OWNER, before["sub"])]
    assert gone[0]["deletionTime"]
    third = change(google, OWNER, recreate=True)
    assert third["id"] not in (before["sub"], again["id"])


def test_recreated_account_owns_nothing_of_the_old_one(google):
    token = google.token(MAILBOX)
    space = google.call("POST", "/v2/spaces", {}, token=token)[1]["name"]
    call = google.start_conference(space, {"email": "participant@example.com"})
    change(google, MAILBOX, recreate=True)
    assert google.call("GET", f"/v2/{space}", token=token)[0] == 401
    fresh = google.token(MAILBOX)
    assert "config" not in google.call("GET", f"/v2/{space}", token=fresh)[1]
    assert google.call("PATCH", f"/v2/{space}", {"config": {"accessType": "OPEN"}}, token=fresh)[0] == 403
    assert google.call("GET", "/v2/conferenceRecords", token=fresh) == (200, {})
    participant = google.token("participant@example.com")
    assert google.call("GET", f"/v2/{call['name']}", token=participant)[0] == 200
    change(google, "participant@example.com", recreate=True)
    again = google.token("participant@example.com")
    assert google.call("GET", f"/v2/{call['name']}", token=again)[0] == 403
    assert "activeConference" not in google.call("GET", f"/v2/{space}", token=again)[1]


def test_recreated_account_may_keep_the_spaces_when_switched(google):
    google.control("POST", "behaviour", {"recreated_keeps_spaces": True})
    space = google.call("POST", "/v2/spaces", {}, token=google.token(MAILBOX))[1]["name"]
    change(google, MAILBOX, recreate=True)
    assert "config" in google.call("GET", f"/v2/{space}", token=google.token(MAILBOX))[1]


@pytest.mark.parametrize(
    ("state", "status", "error", "description"),
    [
        ({"suspended": True}, 400, "invalid_grant", "Invalid email or User ID"),
        ({"archived": True}, 400, "invalid_grant", "Invalid email or User ID"),
        ({"deleted": True}, 400, "invalid_grant", "The account has been deleted"),
        ({"restricted": True}, 401, "access_denied", "Account restricted"),
    ],
)
def test_token_for_a_closed_account_is_refused(google, key, state, status, error, description):
    change(google, MAILBOX, **state)
    reply = _by_assertion(google, _assertion(key, sub=MAILBOX))
    assert (reply.status_code, reply.json()) == (status, {"error": error, "error_description": description})
    change(google, MAILBOX, **dict.fromkeys(state, False))
    assert _by_assertion(google, _assertion(key, sub=MAILBOX)).status_code == 200


def test_deleted_account_may_look_unknown_when_switched(google, key):
    google.control("POST", "behaviour", {"deleted_account_named": False})
    change(google, MAILBOX, deleted=True)
    reply = _by_assertion(google, _assertion(key, sub=MAILBOX))
    assert reply.json()["error_description"] == "Invalid email or User ID"


@pytest.mark.parametrize("subject", ["@example.com", "a b@example.com", "a@b@example.com", "a@"])
def test_subject_that_is_no_address_is_refused(google, key, subject):
    reply = _by_assertion(google, _assertion(key, sub=subject))
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert reply.json()["error_description"].startswith("Invalid impersonation &quot;sub&quot; field")


def test_accounts_survive_a_restart(tmp_path: Path):
    file = tmp_path / "simulator.json"
    with SimulatorProcess(rooms=3, state=file) as google:
        again = change(google, OWNER, recreate=True)
        change(google, MAILBOX, rename="rooms-berlin@example.com")
        change(google, "new@example.com", create=True, private=True)
        google.control("POST", "groups", {"email": "crew@example.com", "members": [OWNER]})
        before = google.world()
    with SimulatorProcess(rooms=3, state=file) as google:
        after = google.world()
        for part in ("spaces", "rooms"):
            assert after[part] == before[part]
        assert sorted(map(str, after["people"])) == sorted(map(str, before["people"]))
        assert ask(google, f"users/{OWNER}")[1]["id"] == again["id"]
        assert ask(google, f"users/{MAILBOX}")[1]["primaryEmail"] == "rooms-berlin@example.com"
        assert len(ask(google, "users?domain=example.com&showDeleted=true")[1]["users"]) == 1
        assert ask(google, "groups/crew@example.com")[1]["directMembersCount"] == "1"
        assert change(google, OWNER, recreate=True)["id"] != again["id"]


# -- other accounts --------------------------------------------------------------------------------------------------


def test_private_account_at_a_company_address_has_no_hosted_domain(google, key):
    found = claims(google, "consumer@example.com")
    assert (found["email"], found["email_verified"]) == ("consumer@example.com", True)
    assert "hd" not in found
    assert ask(google, "users/consumer@example.com")[0] == 404
    reply = _by_assertion(google, _assertion(key, sub="consumer@example.com"))
    assert reply.json()["error"] == "unauthorized_client"


def test_accounts_can_be_made(google):
    change(google, "private@example.com", create=True, private=True, email_verified=False)
    found = claims(google, "private@example.com")
    assert ("hd" in found, found["email_verified"]) == (False, False)
    change(google, "guest@partner.example", create=True)
    assert claims(google, "guest@partner.example")["hd"] == "partner.example"
    change(google, "trainee@example.com", create=True, name="New Trainee")
    assert ask(google, "users/trainee@example.com")[1]["name"]["fullName"] == "New Trainee"
    for taken in (OWNER, ALIAS, "staff@example.com", "no-address"):
        with pytest.raises(ControlError):
            change(google, taken, create=True)


def test_users_are_listed_in_pages_and_by_query(google):
    first = ask(google, "users?customer=my_customer&maxResults=10")[1]
    assert len(first["users"]) == 10
    assert faults_of(first, {"$ref": "Users"}, name="admin.directory_v1") == []
    path = f"users?customer=my_customer&maxResults=10&pageToken={first['nextPageToken']}"
    second = ask(google, path)[1]["users"]
    names = [each["primaryEmail"] for each in (*first["users"], *second)]
    assert names == sorted(names)
    assert len(set(names)) == 20
    change(google, OWNER, suspended=True)
    for query, expected in {
        "isSuspended=true": [OWNER],
        f"email={ALIAS}": [OWNER],
        "email:rooms-b*": [MAILBOX],
        "isAdmin=true": [ADMIN],
    }.items():
        found = ask(google, f"users?customer=my_customer&query={query}")[1]
        assert [each["primaryEmail"] for each in found["users"]] == expected
    for path in (
        "users",
        "users?customer=my_customer&query=colour=red",
        "users?customer=my_customer&orderBy=shoe",
    ):
        assert ask(google, path)[0] == 400
    assert ask(google, "users?domain=elsewhere.example")[0] == 404
    assert ask(google, "users?customer=C0other")[0] == 403


# -- groups and the customer -----------------------------------------------------------------------------------------


def test_group_is_an_address_but_no_user(google, key):
    assert ask(google, "groups/staff@example.com")[1]["name"] == "Staff"
    assert ask(google, "users/staff@example.com")[0] == 404
    reply = _by_assertion(google, _assertion(key, sub="staff@example.com"))
    assert reply.json()["error_description"] == "Invalid email or User ID"
    listed = ask(google, "groups?customer=my_customer")[1]
    assert faults_of(listed, {"$ref": "Groups"}, name="admin.directory_v1") == []
    assert [each["email"] for each in listed["groups"]] == [
        "it-team@example.com", "room-owners@example.com", "staff@example.com",
    ]  # fmt: skip


def test_members_direct_and_derived(google):
    direct = ask(google, "groups/staff@example.com/members")[1]
    assert faults_of(direct, {"$ref": "Members"}, name="admin.directory_v1") == []
    assert {(each["email"], each["type"]) for each in direct["members"]} == {
        ("it-team@example.com", "GROUP"), ("room-owners@example.com", "GROUP"), ("participant@example.com", "USER"),
    }  # fmt: skip
    derived = ask(google, "groups/staff@example.com/members?includeDerivedMembership=true")[1]["members"]
    assert {each["email"] for each in derived} >= {ADMIN, OWNER, "helpdesk@example.com"}
    owners = ask(google, "groups/it-team@example.com/members?roles=OWNER")[1]["members"]
    assert [each["email"] for each in owners] == [ADMIN]
    assert ask(google, f"groups?userKey={ALIAS}")[1]["groups"][0]["email"] == "room-owners@example.com"


@pytest.mark.parametrize(
    ("member", "expected"),
    [(ADMIN, True), (ALIAS, True), ("it-team@example.com", True), ("engineer-01@example.com", False)],
)
def test_has_member_looks_into_groups_in_the_group(google, member, expected):
    assert ask(google, f"groups/staff@example.com/hasMember/{member}")[1] == {"isMember": expected}


def test_has_member_knows_the_own_domain_only(google):
    status, answer = ask(google, "groups/staff@example.com/hasMember/stranger@elsewhere.example")
    assert (status, answer["error"]["message"]) == (400, "Invalid Input: memberKey")
    assert ask(google, "groups/staff@example.com/hasMember/nobody@example.com")[0] == 404
    assert ask(google, "groups/staff@example.com/members", "helpdesk@example.com")[0] == 403


def test_groups_in_a_circle_end(google):
    google.control("POST", "groups", {"email": "a@example.com", "members": {"b@example.com": "MEMBER"}})
    google.control(
        "POST", "groups", {"email": "b@example.com", "members": {"a@example.com": "MEMBER", ADMIN: "OWNER"}}
    )
    assert ask(google, f"groups/a@example.com/hasMember/{ADMIN}")[1] == {"isMember": True}
    google.control("DELETE", "groups?email=b@example.com")
    assert ask(google, "groups/b@example.com")[0] == 404
    for wrong in ({"email": OWNER}, {"email": "c@example.com", "members": {"d@example.com": "BOSS"}}):
        with pytest.raises(ControlError):
            google.control("POST", "groups", wrong)


def test_customer_is_ours(google):
    status, found = ask(google, "customers/my_customer")
    assert (status, found["customerDomain"]) == (200, "example.com")
    assert faults_of(found, {"$ref": "Customer"}, name="admin.directory_v1") == []
    assert ask(google, f"customers/{found['id']}")[1] == found
    assert ask(google, "customers/C0other")[0] == 403
    assert ask(google, "customers/my_customer", "helpdesk@example.com")[0] == 403


def test_older_tokeninfo_tells_about_both_tokens(google):
    token = google.token(OWNER, "openid", "email")
    status, found = google.call("POST", f"/oauth2/v2/tokeninfo?access_token={token}")
    assert (status, found["email"], found["verified_email"]) == (200, OWNER, True)
    assert (found["audience"], found["user_id"]) == (CLIENT_ID, ask(google, f"users/{OWNER}")[1]["id"])
    assert isinstance(found["expires_in"], int)
    assert google.call("POST", "/oauth2/v2/tokeninfo?access_token=x")[0] == 400
