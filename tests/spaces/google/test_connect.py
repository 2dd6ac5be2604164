"""The connect step and a person's own consent, against the simulator's sign-in."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from spaces.google import credentials, errors, idtokens
from spaces.google.endpoints import Endpoints
from spaces.google.meet import MeetClient
from tests.support.simulator import SimulatorProcess

OWNER = "room-owner@example.com"
BACK = "http://127.0.0.1:8000/accounts/connect/callback/"
ASKED = credentials.IDENTITY_SCOPES + credentials.MEET_SCOPES


class Connecting:
    """One person's way through Google's page, with our own functions on both ends."""

    def __init__(self, google: SimulatorProcess) -> None:
        self.google = google
        self.endpoints = Endpoints.simulated(google.url)
        self.client = google.control("GET", "oauth-client")
        self.state, self.nonce, self.verifier = (credentials.new_verifier() for _ in range(3))

    def choose(self, **choice: object) -> dict[str, str]:
        """What Google sends the browser back with."""
        url = credentials.authorize_url(
            self.endpoints.authorize,
            client_id=self.client["client_id"],
            redirect_uri=BACK,
            scopes=ASKED,
            state=self.state,
            nonce=self.nonce,
            verifier=self.verifier,
            login_hint=OWNER,
        )
        page = requests.get(url, timeout=5)
        assert page.status_code == 200
        form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        answer = requests.post(
            self.endpoints.authorize, data={**form, **choice}, timeout=5, allow_redirects=False
        )
        location = answer.headers["Location"]
        assert location.startswith(BACK)
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    def redeem(self, code: str, **changes: str) -> credentials.Consent:
        wanted = {
            "verifier": self.verifier,
            "nonce": self.nonce,
            "redirect_uri": BACK,
            "client_id": self.client["client_id"],
            "client_secret": self.client["client_secret"],
            **changes,
        }
        return credentials.exchange(
            code, token_url=self.endpoints.token, keys=idtokens.Keys(self.endpoints.certs), **wanted
        )

    def act(self, refresh_token: str) -> MeetClient:
        own = credentials.consented(
            refresh_token,
            client_id=self.client["client_id"],
            client_secret=self.client["client_secret"],
            token_url=self.endpoints.token,
        )
        return MeetClient(own, base_url=self.endpoints.meet, timeout=5, quota_user=OWNER)


@pytest.fixture
def connecting(google: SimulatorProcess) -> Connecting:
    return Connecting(google)


def test_a_person_connects_acts_and_disconnects(connecting):
    back = connecting.choose(account=OWNER)
    assert back["state"] == connecting.state
    consent = connecting.redeem(back["code"])
    person = next(one for one in connecting.google.world()["people"] if one["email"] == OWNER)
    assert (consent.google_id, consent.email, consent.email_verified) == (person["id"], OWNER, True)
    assert consent.hosted_domain == "example.com"
    assert consent.missing == frozenset()

    me = connecting.act(consent.refresh_token)
    name = me.create_space({"accessType": "TRUSTED"}).name
    assert me.get_space(name).asked_by_owner

    credentials.revoke(consent.refresh_token, revoke_url=connecting.endpoints.revoke)
    credentials.revoke(consent.refresh_token, revoke_url=connecting.endpoints.revoke)
    with pytest.raises(errors.ConnectionBroken) as problem:
        me.get_space(name)
    assert problem.value.reason in ("revoked", "token_refused")
    with pytest.raises(errors.ConnectionBroken) as problem:
        connecting.act(consent.refresh_token).get_space(name)
    assert problem.value.reason == "revoked"


def test_unticked_scopes_are_seen(connecting):
    back = connecting.choose(account=OWNER, consent="1", granted_scope=credentials.READONLY)
    consent = connecting.redeem(back["code"])
    assert consent.missing == {credentials.CREATED, credentials.SETTINGS}
    with pytest.raises(errors.ScopeMissing):
        connecting.act(consent.refresh_token).create_space({})


def test_connecting_twice_gives_a_refresh_token_twice(connecting):
    tokens = {connecting.redeem(connecting.choose(account=OWNER)["code"]).refresh_token for _ in range(2)}
    assert len(tokens) == 2
    assert None not in tokens


def test_a_person_who_says_no(connecting):
    back = connecting.choose(cancel="1")
    assert credentials.redirect_problem(back["error"]).reason == "consent_failed"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"verifier": "x" * 64}, "consent_failed"),
        ({"nonce": "another"}, "consent_failed"),
        ({"redirect_uri": BACK.replace("8000", "8001")}, "redirect"),
        ({"client_secret": "wrong"}, "bad_client"),
        ({"client_id": "wrong"}, "bad_client"),
    ],
)
def test_a_code_in_the_wrong_hands(connecting, changes, reason):
    code = connecting.choose(account=OWNER)["code"]
    with pytest.raises(errors.ConnectionBroken) as problem:
        connecting.redeem(code, **changes)
    assert problem.value.reason == reason


def test_a_code_works_once(connecting):
    code = connecting.choose(account=OWNER)["code"]
    connecting.redeem(code)
    with pytest.raises(errors.ConnectionBroken):
        connecting.redeem(code)


def test_a_consent_taken_back_at_google(connecting):
    consent = connecting.redeem(connecting.choose(account=OWNER)["code"])
    connecting.google.control("POST", "revoke", {"email": OWNER})
    with pytest.raises(errors.ConnectionBroken) as problem:
        connecting.act(consent.refresh_token).running_conferences()
    assert problem.value.reason == "revoked"
    assert "Connect the Google account again" in problem.value.sentence


@pytest.mark.parametrize("fault", [{"status": 503}, {"kind": "garbage"}, {"kind": "truncated"}])
@pytest.mark.parametrize("method", ["token", "certs"])
def test_a_bad_day_while_connecting(connecting, method, fault):
    code = connecting.choose(account=OWNER)["code"]
    connecting.google.control("POST", "faults", {"method": method, "times": 1, **fault})
    with pytest.raises(errors.TryLater):
        connecting.redeem(code)
