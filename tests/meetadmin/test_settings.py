"""Settings that are dangerous or wrong stop the start, with a paragraph that helps."""

import base64
import os
import subprocess
from pathlib import Path

import pytest

from tests.support import starts

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = {
    "MEETADMIN_BASE_URL": "https://meet.example.com",
    "MEETADMIN_GOOGLE_URL": "",
    "MEETADMIN_SECRET_KEY": "Zq8-4Jv0tX_mR2uYw6HkP1sLbN5cDfG7eTa9iOoB3xK",
}
RANDOM_KEY = base64.b64encode(bytes(range(100, 132))).decode()
TOPIC = "projects/my-project/topics/meet-events"
PUSHED_TO = "projects/my-project/subscriptions/meet-events-push"
SHOW = "from django.conf import settings; print(settings.{})"


def start(tmp_path: Path, *, show: str = "DEBUG", **changes: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of its own, in an environment with only what is given."""
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "meetadmin.settings",
        "MEETADMIN_STATE_DIR": str(tmp_path),
        "MEETADMIN_SECRET_KEY": "only-for-tests",
        "MEETADMIN_DOMAINS": "example.com",
        "GOOGLE_CLIENT_ID": "client.apps.googleusercontent.com",
        "GOOGLE_CLIENT_SECRET": "client-secret",
        **changes,
    }
    return starts.run(SHOW.format(show), env=environment, cwd=ROOT, output=tmp_path / "start")


REFUSED = [
    pytest.param(
        {"MEETADMIN_BASE_URL": "http://meet.example.com"}, "served over https only", id="public without https"
    ),
    pytest.param({"MEETADMIN_SECRET_KEY": ""}, "MEETADMIN_SECRET_KEY is not set", id="no secret"),
    pytest.param(
        {"MEETADMIN_BASE_URL": "https://meet.example.com", "MEETADMIN_GOOGLE_URL": "http://127.0.0.1:8010"},
        "anybody could sign in as anybody",
        id="simulator behind a public address",
    ),
    pytest.param(
        {"MEETADMIN_GOOGLE_URL": "http://elsewhere.example:8010"},
        "A simulator must run on this machine|no address that access tokens may be sent to",
        id="Google somewhere else",
    ),
    pytest.param({"MEETADMIN_GOOGLE_URL": "ftp://127.0.0.1"}, "MEETADMIN_GOOGLE_URL", id="no http at all"),
    pytest.param({"MEETADMIN_DEBUG": "perhaps"}, "write 1 or 0", id="a switch that is none"),
    pytest.param({"MEETADMIN_GOOGLE_TIMEOUT": "soon"}, "write a whole number", id="a number that is none"),
    pytest.param(
        {"MEETADMIN_PROXY": "socks5://p:1080"}, "no proxy that can be used", id="a proxy of another kind"
    ),
    pytest.param(
        {"HTTPS_PROXY": "http://:0"}, "MEETADMIN_PROXY=none", id="a broken proxy in the environment"
    ),
    pytest.param({"MEETADMIN_CA_BUNDLE": "/nowhere.pem"}, "/nowhere.pem", id="a missing bundle"),
    pytest.param({"MEETADMIN_TOKEN_KEYS": "k:short"}, "The token key 'k' is not base64", id="a broken key"),
    pytest.param({"MEETADMIN_PUSH_TOPIC": TOPIC}, "MEETADMIN_PUSH_SUBSCRIPTIONS is empty", id="half of push"),
    pytest.param(
        {"MEETADMIN_PUSH_ACCOUNT": "push@p.iam.gserviceaccount.com"},
        "MEETADMIN_PUSH_TOPIC",
        id="another half",
    ),
    pytest.param(
        {"MEETADMIN_PUSH_TOPIC": TOPIC, "MEETADMIN_PUSH_SUBSCRIPTIONS": PUSHED_TO},
        "MEETADMIN_PUSH_ACCOUNT",
        id="no account",
    ),
    pytest.param(
        {
            "MEETADMIN_PUSH_TOPIC": TOPIC,
            "MEETADMIN_PUSH_SUBSCRIPTIONS": PUSHED_TO,
            "MEETADMIN_PUSH_ACCOUNT": "push@p.iam.gserviceaccount.com",
        },
        "Google pushes to https addresses only",
        id="push to this machine",
    ),
    pytest.param(
        {
            "MEETADMIN_PUSH_TOPIC": TOPIC,
            "MEETADMIN_PUSH_SUBSCRIPTIONS": PUSHED_TO,
            "MEETADMIN_PUSH_PULL": "1",
        },
        "GOOGLE_SERVICE_ACCOUNT_FILE is not set",
        id="pull in nobody's name",
    ),
    pytest.param(
        {"GOOGLE_SERVICE_ACCOUNT_FILE": "/nowhere/key.json"}, "GOOGLE_SERVICE_ACCOUNT_FILE", id="no key file"
    ),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_it_does_not_start(tmp_path, changes, words):
    done = start(tmp_path, **changes)
    assert done.returncode != 0
    assert done.stderr.startswith("Meetadmin cannot start. ")
    assert "Traceback" not in done.stderr
    assert any(word in done.stderr for word in words.split("|")), done.stderr


# A start reports all problems together, so each line is one start.
DANGEROUS = [
    {
        "MEETADMIN_DEBUG": ("1", "MEETADMIN_DEBUG is on"),
        "MEETADMIN_SECRET_KEY": ("x", "MEETADMIN_SECRET_KEY is too short"),
        "MEETADMIN_ALLOWED_HOSTS": ("*", "MEETADMIN_ALLOWED_HOSTS contains *"),
        "MEETADMIN_METRICS_TOKEN": ("x", "MEETADMIN_METRICS_TOKEN is too short"),
        "MEETADMIN_TOKEN_KEYS": (f"k1:{base64.b64encode(bytes(32)).decode()}", "is not random"),
        "REDIS_URL": ("redis://:s3cret@redis.example.com:6379/0", "REDIS_URL reaches Redis on another host"),
        "DATABASE_URL": ("postgresql://u:s3cret@db.example.com/m", "DATABASE_URL reaches PostgreSQL on"),
        "MEETADMIN_TIME_ZONE": ("CET+1", "not an IANA time zone"),
        "MEETADMIN_DOMAINS": ("a;example.com", "'a', which is not a domain"),
        "MEETADMIN_LOG_LEVEL": ("LOUD", "MEETADMIN_LOG_LEVEL"),
    },
    {
        "DATABASE_URL": ("nonsense://u:s3cret@host", "DATABASE_URL is not an address"),
        "REDIS_URL": ("http://u:s3cret@redis", "REDIS_URL is not an address"),
    },
    {"DATABASE_URL": ("postgresql://u:s3cret@db.example.com/m?sslmode=prefer", "without TLS")},
    {"MEETADMIN_BASE_URL": ("https://meet.example.com/rooms", "cannot be served below a path")},
]


@pytest.mark.parametrize("changes", DANGEROUS)
def test_public_installation_refuses_dangerous_settings(tmp_path, changes):
    done = start(tmp_path, **PUBLIC | {name: value for name, (value, _) in changes.items()})
    assert done.returncode != 0
    for _, words in changes.values():
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(
    "changes",
    [
        {
            "MEETADMIN_PRIVATE_NETWORK": "1",
            "REDIS_URL": "redis://:password@redis:6379/0",
            "DATABASE_URL": "postgresql://u:password@postgres/m",
            "MEETADMIN_DOMAINS": "@Example.com;example.org",
        },
        {
            "REDIS_URL": "rediss://:password@redis.example.com:6379/0",
            "DATABASE_URL": "postgresql://u:password@127.0.0.1/m",
            "MEETADMIN_TOKEN_KEYS": f"k1:{RANDOM_KEY}",
        },
        {"REDIS_URL": "unix:///run/valkey.sock?db=0"},
    ],
)
def test_public_installation_starts(tmp_path, changes):
    done = start(tmp_path, **PUBLIC | changes)
    assert done.returncode == 0, done.stderr


def test_tls_to_postgres_is_passed_on_to_the_driver(tmp_path):
    url = "postgresql://u:password@db.example.com/m?sslmode=verify-full"
    done = start(tmp_path, show="DATABASES['default']['OPTIONS']['sslmode']", **PUBLIC, DATABASE_URL=url)
    assert done.stdout.strip() == "verify-full", done.stderr


def test_no_secret_is_shown_in_a_refusal(tmp_path):
    done = start(tmp_path, MEETADMIN_TOKEN_KEYS="k:c2VjcmV0LWtleQ==", MEETADMIN_SECRET_KEY="very-secret-key")
    assert done.returncode != 0
    assert "c2VjcmV0LWtleQ" not in done.stderr
    assert "very-secret-key" not in done.stderr


def test_a_secret_from_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text("from-the-file\n")
    done = start(tmp_path, show="SECRET_KEY", MEETADMIN_SECRET_KEY="", MEETADMIN_SECRET_KEY_FILE=str(file))
    assert done.stdout.strip() == "from-the-file"


def test_a_public_installation(tmp_path):
    expected = {
        "DEBUG": "False",
        "SESSION_COOKIE_SECURE": "True",
        "CSRF_COOKIE_SECURE": "True",
        "SESSION_COOKIE_NAME": "__Host-meetadmin-session",
        "SECURE_HSTS_SECONDS": "31536000",
        "SECURE_HSTS_PRELOAD": "False",
        "WHITENOISE_ALLOW_ALL_ORIGINS": "False",
        "GOOGLE.meet": "https://meet.googleapis.com",
        "GOOGLE.are_real": "True",
        "SOCIALACCOUNT_STORE_TOKENS": "False",
        "SOCIALACCOUNT_LOGIN_ON_GET": "False",
    }
    done = start(tmp_path, show=", settings.".join(expected), **PUBLIC)
    assert done.returncode == 0, done.stderr
    assert dict(zip(expected, done.stdout.split(), strict=True)) == expected


def test_everything_of_google_follows_one_address(tmp_path):
    done = start(tmp_path, show="GOOGLE", MEETADMIN_GOOGLE_URL="http://127.0.0.1:8010")
    assert done.returncode == 0, done.stderr
    assert "googleapis.com" not in done.stdout
    assert done.stdout.count("http://127.0.0.1:8010") == 9


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": "http://p.example:3128"}, "http://p.example:3128"),
        ({"https_proxy": "p.example:3128"}, "http://p.example:3128"),
        ({"HTTPS_PROXY": "http://p.example:3128", "NO_PROXY": ".googleapis.com"}, ""),
        ({"HTTPS_PROXY": "http://p.example:3128", "MEETADMIN_PROXY": "http://q.example:8080"}, "http://q.example:8080"),
        ({"HTTPS_PROXY": "http://p.example:3128", "MEETADMIN_PROXY": "none"}, ""),
        ({"HTTP_PROXY": "http://p.example:3128"}, ""),
        ({"HTTPS_PROXY": "socks5://p.example:1080", "MEETADMIN_GOOGLE_URL": "http://127.0.0.1:8010"}, ""),
    ],
)  # fmt: skip
def test_the_way_out_is_ours_or_the_environment_s(tmp_path, variables, proxy):
    done = start(tmp_path, show="NETWORK.proxy_for('https://meet.googleapis.com/')", **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == proxy


def test_events_are_off_without_a_word_about_them(tmp_path):
    assert start(tmp_path, show="PUSH").stdout.strip() == "None"


def test_the_audience_is_the_address_unless_told_otherwise(tmp_path):
    push = {
        "MEETADMIN_PUSH_TOPIC": TOPIC,
        "MEETADMIN_PUSH_SUBSCRIPTIONS": PUSHED_TO,
        "MEETADMIN_PUSH_ACCOUNT": "push@p.iam.gserviceaccount.com",
    }
    done = start(tmp_path, show="PUSH.audience", **PUBLIC | push)
    assert done.stdout.strip() == "https://meet.example.com/hooks/google/pubsub", done.stderr
