"""Which language and zone a page speaks, and how times and lengths of time read in each."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone, translation
from django.utils.formats import date_format

from spaces.language import day_and_time, zones
from spaces.models import Person
from spaces.templatetags.spaces_text import ago, duration

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.1"}


def spoken_by(reply: Any) -> str:
    """The language that the page says it has, held against a word on it."""
    text = reply.content.decode()
    language = "de" if '<html lang="de">' in text else "en"
    assert f'<html lang="{language}">' in text
    assert {"en": "Sign in with Google", "de": "Mit Google anmelden"}[language] in text
    return language


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH,fr;q=0.5", "de"),
        ("fr,de;q=0.5,en;q=0.4", "de"),
        ("fr", "en"),
        ("en-GB,de;q=0.9", "en"),
        ("*", "en"),
        ("../../etc", "en"),
    ],
)
def test_the_browsers_language(db, asked, language):
    reply = Client().get("/accounts/login/", headers={"Accept-Language": asked})
    assert spoken_by(reply) == language
    assert "Accept-Language" in reply["Vary"]


def test_a_choice_before_signing_in_holds_against_the_browser(db):
    browser = Client()
    reply = browser.post("/language/", {"language": "de", "next": "/accounts/login/?next=/mine/"})
    assert reply["Location"] == "/accounts/login/?next=/mine/"
    assert spoken_by(browser.get("/accounts/login/", headers={"Accept-Language": "en"})) == "de"
    browser.post("/language/", {"language": ""})
    assert spoken_by(browser.get("/accounts/login/", headers={"Accept-Language": "en"})) == "en"


def test_a_persons_choice_follows_them_to_other_browsers(admin, sign_in):
    reply = sign_in(admin).post("/language/", {"language": "de"})
    assert reply.cookies[settings.LANGUAGE_COOKIE_NAME]["httponly"]
    text = sign_in(admin).get("/people/").content.decode()
    assert '<html lang="de">' in text
    assert "Personen und ihre Rollen" in text


def test_without_a_choice_the_browser_decides_for_people_too(admin, sign_in):
    assert "Personen und ihre Rollen" in sign_in(admin).get("/people/", headers=GERMAN).content.decode()


def test_the_footer_sends_the_language_alone(admin, sign_in):
    browser = sign_in(admin)
    browser.post("/language/", {"language": "", "time_zone": "Europe/Berlin"})
    browser.post("/language/", {"language": "de"})
    admin.refresh_from_db()
    assert (admin.language, admin.time_zone) == ("de", "Europe/Berlin")


@pytest.mark.parametrize("form", [{"language": "xx"}, {"language": "de", "time_zone": "Mars/Olympus"}])
def test_what_is_not_offered_is_refused(admin, sign_in, form):
    assert sign_in(admin).post("/language/", form).status_code == 422
    assert Person.objects.get().language == ""


def test_the_way_back_is_on_this_site(db):
    reply = Client().post("/language/", {"language": "de", "next": "https://evil.example/"})
    assert reply["Location"] == "/language/"


def test_times_are_those_of_the_persons_zone_and_the_page_says_so(admin, sign_in):
    browser = sign_in(admin)
    assert "Times in UTC" in browser.get("/audit/").content.decode()
    browser.post("/language/", {"language": "en", "time_zone": "Asia/Kathmandu"})
    browser.get("/language/")
    assert "Times in Asia/Kathmandu" in browser.get("/audit/").content.decode()
    assert "Times in UTC" in Client().get("/accounts/login/").content.decode(), (
        "the next visitor has another zone"
    )


def test_zones_are_places():
    assert "Europe/Berlin" in zones()
    assert "UTC" in zones()
    assert not [one for one in zones() if one.startswith(("Etc/", "posix"))]


LENGTHS = [
    (0, "0 s", "0 s"),
    (59, "59 s", "59 s"),
    (60, "1 min", "1 min"),
    (3599, "59 min", "59 min"),
    (3600, "1 h 00 min", "1 h 00 min"),
    (22_320, "6 h 12 min", "6 h 12 min"),
    (172_799, "47 h 59 min", "47 h 59 min"),
    (172_800, "2 d 0 h", "2 Tage 0 h"),
    (187_200, "2 d 4 h", "2 Tage 4 h"),
]


@pytest.mark.parametrize(("seconds", "english", "german"), LENGTHS)
def test_lengths_of_time(seconds, english, german):
    assert duration(seconds) == duration(timedelta(seconds=seconds)) == english
    with translation.override("de"):
        assert duration(seconds) == german


AGES = [
    (0, "0 s ago", "vor 0 s"),
    (-5, "0 s ago", "vor 0 s"),
    (59, "59 s ago", "vor 59 s"),
    (60, "1 min ago", "vor 1 min"),
    (3600, "1 h ago", "vor 1 h"),
    (172_799, "47 h ago", "vor 47 h"),
    (172_800, "2 d ago", "vor 2 Tagen"),
]


@pytest.mark.parametrize(("seconds", "english", "german"), AGES)
def test_ages(seconds, english, german):
    now = timezone.now()
    assert ago(now - timedelta(seconds=seconds), now) == english
    with translation.override("de"):
        assert ago(now - timedelta(seconds=seconds), now) == german


def test_never():
    with translation.override("de"):
        assert ago(None) == "nie"


MOMENT = datetime(2026, 3, 29, 1, 5, 9, tzinfo=UTC)  # the hour that Berlin skips begins now


@pytest.mark.parametrize(
    ("language", "zone", "short", "exact", "day"),
    [
        ("en", "UTC", "29 Mar, 01:05", "29 Mar 2026, 01:05:09 UTC", "29 Mar 2026"),
        ("en", "Europe/Berlin", "29 Mar, 03:05", "29 Mar 2026, 03:05:09 CEST", "29 Mar 2026"),
        ("de", "Europe/Berlin", "29. Mär, 03:05", "29. Mär 2026, 03:05:09 CEST", "29. Mär 2026"),
        ("de", "America/New_York", "28. Mär, 21:05", "28. Mär 2026, 21:05:09 EDT", "28. Mär 2026"),
    ],
)
def test_moments(language, zone, short, exact, day):
    with translation.override(language), timezone.override(zone):
        assert day_and_time(MOMENT) == short
        assert day_and_time(MOMENT, exact=True) == exact
        assert date_format(timezone.localtime(MOMENT), "DATE_FORMAT") == day
