"""One way out: a real proxy, real certificates of an authority that nobody knows, and names that are Google's."""

import base64
from collections.abc import Callable, Iterator

import pytest
from google.oauth2.credentials import Credentials as UserCredentials

from spaces.google import credentials, errors, network, transport
from spaces.google.events import EventsClient
from spaces.google.idtokens import Keys
from spaces.google.meet import MeetClient
from spaces.google.network import Network
from spaces.google.pubsub import PullClient
from spaces.signin import refusal
from tests.spaces.google.misbehaving import Misbehaving, free_port, http
from tests.support.proxy import ConnectProxy
from tests.support.tls import Authority

NAME = "spaces/jQCFfuBOdN5z"
SPACE = http(
    200, {"name": NAME, "meetingCode": "abc-mnop-xyz", "meetingUri": "https://meet.google.com/abc-mnop-xyz"}
)
HOSTS = (
    "meet.googleapis.com",
    "oauth2.googleapis.com",
    "www.googleapis.com",
    "workspaceevents.googleapis.com",
    "pubsub.googleapis.com",
)
Go = Callable[..., None]


@pytest.fixture
def go() -> Iterator[Go]:
    """Sets the way out, and puts the usual one back afterwards."""
    before = network.current()

    def use(**way: str) -> None:
        network.use(Network(**way))

    yield use
    network.use(before)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def google(authority) -> Iterator[Misbehaving]:
    """A server that has certificates for Google's hosts from the private authority."""
    with Misbehaving([http(200, {})], tls=authority.server(*HOSTS)) as server:
        yield server


@pytest.fixture
def proxy(google) -> Iterator[ConnectProxy]:
    with ConnectProxy(dict.fromkeys(HOSTS, google.port)) as inspecting:
        yield inspecting


def client(base_url="https://meet.googleapis.com") -> MeetClient:
    return MeetClient(UserCredentials("canary-token"), base_url=base_url, timeout=5)


def meet() -> object:
    return client().running_conferences()


def events() -> object:
    return EventsClient(UserCredentials("x"), base_url="https://workspaceevents.googleapis.com").find("//x")


def pull() -> object:
    return PullClient(UserCredentials("x"), base_url="https://pubsub.googleapis.com").pull(
        "projects/p/subscriptions/s"
    )


def keys() -> object:
    with pytest.raises(errors.TryLater):  # an empty object holds no keys
        Keys("https://www.googleapis.com/oauth2/v3/certs").get("kid")
    return None


def revoke() -> object:
    credentials.revoke("1//canary", revoke_url="https://oauth2.googleapis.com/revoke")
    return None


def signing_in() -> object:
    return credentials.redeem(
        "code",
        verifier="v",
        redirect_uri="https://meetadmin.example.com/",
        client_id="client",
        client_secret="secret",
        token_url="https://oauth2.googleapis.com/token",
    )


@pytest.mark.parametrize("call", [meet, events, pull, keys, revoke, signing_in])
def test_every_call_goes_through_the_proxy_and_trusts_the_private_authority(
    go, authority, google, proxy, call
):
    go(proxy=proxy.url, ca_bundle=str(authority.bundle))
    call()
    assert len(google.requests) == 1
    assert [line.split()[0] for line in proxy.seen] == ["CONNECT"]
    assert proxy.seen[0].endswith(".googleapis.com:443")


def test_a_write_arrives_once_and_whole(go, authority, google, proxy):
    google.answers = [SPACE]
    go(proxy=proxy.url, ca_bundle=str(authority.bundle))
    assert client().create_space({"accessType": "OPEN"}).name == NAME
    [request] = google.requests
    assert (request.method, request.path) == ("POST", "/v2/spaces")
    assert request.headers["authorization"] == "Bearer canary-token"
    assert "proxy-authorization" not in request.headers


def test_the_password_reaches_the_proxy_and_nobody_else(go, authority, google, proxy):
    address = proxy.url.replace("http://", "http://meetadmin:p%40ss@")
    go(proxy=address, ca_bundle=str(authority.bundle))
    meet()
    assert proxy.authorizations == ["Basic " + base64.b64encode(b"meetadmin:p@ss").decode()]
    assert "p@ss" not in repr(network.current()) + network.current().proxy_name
    assert "p%40ss" not in repr(network.current()) + network.current().proxy_name


@pytest.mark.parametrize("call", [meet, lambda: client().end_active_conference(NAME)])
def test_an_untrusted_certificate_is_named_as_such(go, google, proxy, call):
    go(proxy=proxy.url)
    with pytest.raises(errors.Unreachable) as problem:
        call()
    assert problem.value.code == "untrusted_certificate"
    assert "meet.googleapis.com" in problem.value.sentence
    assert "MEETADMIN_CA_BUNDLE" in problem.value.cure
    assert google.requests == []


def test_a_certificate_for_another_host_is_not_trusted_either(go, authority):
    with (
        Misbehaving([SPACE], tls=authority.server("elsewhere.example")) as other,
        ConnectProxy({"meet.googleapis.com": other.port}) as proxy,
    ):
        go(proxy=proxy.url, ca_bundle=str(authority.bundle))
        with pytest.raises(errors.Unreachable) as problem:
            meet()
    assert problem.value.code == "untrusted_certificate"


@pytest.mark.parametrize("refusal", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
@pytest.mark.parametrize("call", [meet, lambda: client().create_space({})])
def test_a_proxy_that_refuses_is_named_and_nothing_was_sent(go, google, refusal, call):
    with ConnectProxy(refusal=refusal) as proxy:
        go(proxy=proxy.url)
        with pytest.raises(errors.Unreachable) as problem:
            call()
    assert problem.value.code == "proxy_refused"
    assert refusal in problem.value.sentence
    assert f"127.0.0.1:{proxy.port}" in problem.value.sentence
    assert google.requests == []


def test_a_proxy_that_is_away_is_not_google_s_fault(go):
    go(proxy=f"http://user:canary@127.0.0.1:{free_port()}")
    with pytest.raises(errors.Unreachable) as problem:
        meet()
    assert problem.value.code == "proxy_unreachable"
    assert "canary" not in problem.value.sentence + problem.value.detail


def test_a_simulator_on_this_machine_is_never_asked_through_the_proxy(go):
    with ConnectProxy() as proxy, Misbehaving([http(200, {})]) as simulator:
        go(proxy=proxy.url)
        assert client(simulator.url).running_conferences() == []
    assert proxy.seen == []


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_the_environment_is_not_read_again(go, monkeypatch, variable):
    go()
    with ConnectProxy() as proxy, Misbehaving([http(200, {})]) as simulator:
        monkeypatch.setenv(variable, proxy.url)
        client(simulator.url).running_conferences()
    assert proxy.seen == []


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("", False),
        (".googleapis.com", True),
        ("meet.googleapis.com,localhost", True),
        ("example.com", False),
        ("*", True),
    ],
)
def test_hosts_that_are_asked_directly(no_proxy, direct):
    way = Network(proxy="http://proxy.example:3128", no_proxy=no_proxy)
    assert (way.proxy_for("https://meet.googleapis.com/v2/spaces") == "") is direct


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://proxy.example:1080",
        "http://",
        "http://proxy.example:x",
        "http://p/path",
    ],
)
def test_an_unusable_proxy_is_refused_at_start(proxy):
    with pytest.raises(ValueError, match="no proxy that can be used"):
        Network(proxy=proxy)


def test_a_proxy_without_a_scheme_is_an_http_proxy():
    way = Network(proxy="proxy.example:3128")
    assert way.proxy_for("https://meet.googleapis.com/") == "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("untrusted_certificate", lambda google: ConnectProxy({"oauth2.googleapis.com": google.port})),
        ("proxy_refused", lambda _: ConnectProxy()),
    ],
)
def test_a_blocked_sign_in_is_explained_like_everything_else(go, google, code, make):
    with make(google) as proxy:
        go(proxy=proxy.url)
        with pytest.raises(errors.Unreachable) as problem:
            signing_in()
    assert problem.value.code == code
    assert code in refusal.SENTENCES
    assert google.requests == []


def test_an_unusable_bundle_is_refused_at_start(tmp_path):
    (tmp_path / "empty.pem").write_text("no certificate")
    for path in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        with pytest.raises(ValueError, match="PEM"):
            Network(ca_bundle=str(path))


def test_an_answer_that_drips_ends_at_the_deadline(go):
    go()
    head = b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n{"
    with Misbehaving([head], drip=0.05) as slow, pytest.raises(errors.TryLater):
        transport.send("GET", slow.url, timeout=0.3, write=False)
