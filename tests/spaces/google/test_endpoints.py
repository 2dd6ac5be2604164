"""Where tokens may go."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spaces.google.endpoints import Endpoints, check, is_loopback

GOOD = [
    "https://meet.googleapis.com",
    "https://meet.googleapis.com/",
    "https://meet.googleapis.com:443/v2",
    "https://googleapis.com",
    "https://www.googleapis.com/oauth2/v3/certs",
    "https://accounts.google.com/o/oauth2/v2/auth",
    "HTTPS://MEET.GOOGLEAPIS.COM",
    "http://127.0.0.1",
    "http://127.0.0.1:8010",
    "http://127.200.3.4:8010/",
    "http://localhost:8010",
    "http://[::1]:8010",
]
BAD = [
    "",
    "meet.googleapis.com",
    "//meet.googleapis.com",
    "http://meet.googleapis.com",
    "https://meet.googleapis.com:8443",
    "ftp://meet.googleapis.com",
    "file:///etc/passwd",
    "https://evil.example",
    "https://meet.googleapis.com.evil.example",
    "https://evilgoogleapis.com",
    "https://xgoogleapis.com",
    "https://google.com",
    "https://mail.google.com",
    "https://accounts.google.com.evil.example",
    "https://x.accounts.google.com",
    "https://meet.googleapis.com@evil.example",
    "https://evil.example@meet.googleapis.com",
    "https://meet.googleapis.com\\@evil.example",
    "https://evil.example\\.googleapis.com",
    "https://evil.example#.googleapis.com",
    "https://evil.example?.googleapis.com",
    "https://evil.example/.googleapis.com",
    "https://meet.googleapis.com?x=1",
    "https://meet.googleapis.com#x",
    "https://meet.googleapis.com.",
    "https://meet.googleapis.com%2eevil.example",
    "https://meet\u3002googleapis.com",
    "https://meet.go\u043egleapis.com",
    "https:// meet.googleapis.com",
    "https://meet.googleapis.com\n.evil.example",
    "https:/\tmeet.googleapis.com",
    "http://127.0.0.1@evil.example",
    "http://127.0.0.1:80@evil.example",
    "http://evil.example@127.0.0.1",
    "http://127.0.0.1.evil.example",
    "http://127.1",
    "http://2130706433",
    "http://0x7f.0.0.1",
    "http://0177.0.0.1",
    "http://0.0.0.0",
    "http://10.0.0.1",
    "http://169.254.169.254",
    "http://[::]",
    "http://[::2]",
    "http://[::ffff:10.0.0.1]",
    "http://[::1%25eth0]",
    "http://[::1",
    "http://localhost.evil.example",
    "http://localhost:port",
    "https://127.0.0.1:8010",
    "https://localhost",
]


@pytest.mark.parametrize("url", GOOD)
def test_google_and_this_machine_are_good(url):
    assert check(url) == url


@pytest.mark.parametrize("url", BAD)
def test_everything_else_is_refused_with_help(url):
    with pytest.raises(ValueError, match="access tokens"):
        check(url)


def test_a_refusal_keeps_a_password_to_itself():
    with pytest.raises(ValueError, match="access tokens") as refusal:
        check("https://someone:hunter2@evil.example")
    assert "hunter2" not in str(refusal.value)


@given(st.text(max_size=60))
@example("?")
@example("#")
@example("[::1]")
def test_whatever_follows_a_good_start_is_judged_by_its_host(rest):
    try:
        check("http://127.0.0.1" + rest)
    except ValueError:
        return
    assert rest == "" or rest[0] in "/:0123456789"


def test_the_real_ones_all_pass():
    real = Endpoints.real()
    for url in (
        real.meet,
        real.authorize,
        real.token,
        real.revoke,
        real.certs,
        real.certs_pem,
        real.userinfo,
    ):
        assert check(url).startswith("https://")
    assert real.are_real


def test_a_simulator_serves_them_all_from_one_base():
    simulated = Endpoints.simulated("http://127.0.0.1:8010/")
    assert simulated.meet == "http://127.0.0.1:8010"
    assert simulated.authorize == "http://127.0.0.1:8010/o/oauth2/v2/auth"
    assert simulated.token == "http://127.0.0.1:8010/token"
    assert simulated.certs == "http://127.0.0.1:8010/oauth2/v3/certs"
    assert not simulated.are_real
    assert is_loopback(simulated.revoke)
    assert simulated.issuer == Endpoints.real().issuer


@pytest.mark.parametrize(
    "url", ["https://meet.googleapis.com", "http://simulator:8010", "http://192.168.1.5:8010"]
)
def test_a_simulator_elsewhere_is_refused(url):
    with pytest.raises(ValueError, match="this machine"):
        Endpoints.simulated(url)
