"""The system page: figures of the real Redis, who sees which, and what the buttons do."""

import json
import re
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from meetadmin.monitoring import status
from spaces import broker, meet
from spaces.google import credentials
from spaces.google.errors import OverQuota
from spaces.google.limits import Kind
from spaces.models import Account, AuditEntry, ScopeCheck, Space
from tests import factories
from tests.support import heartbeats
from tests.support.rooms import BERLIN, MUNICH, known_room, space_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rooms() -> list[Space]:
    """Two rooms of one account, swept just now, and everything alive."""
    heartbeats.record_all()
    account = factories.make_account(BERLIN, swept_at=timezone.now(), plan="One list tells of all.")
    spaces = [factories.make_space(account=account) for _ in range(2)]
    for space in spaces:
        factories.make_room(space=space)
    return spaces


def text(reply) -> str:
    """What a person reads."""
    content = re.sub(r"<(script|style).*?</\1>", "", reply.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def take(kind: Kind, account: str, times: int) -> None:
    for _ in range(times):
        meet.quota().take(kind, account, patience=0, person=True)


def test_system_page_of_a_working_installation(rooms, admin, sign_in):
    page = text(sign_in(admin).get("/system/"))
    assert "System OK" in page
    for words in (
        "1 running",
        "1 of 1",
        "One list tells of all.",
        "meetings.space.settings works",
        "2 rooms",
    ):
        assert words in page, words
    assert not re.search(r"\bCritical\b|Warning", page)
    assert "No worker" not in page


def test_quota_shows_the_calls_made(rooms, admin, helpdesk, sign_in):
    take("read", BERLIN, 12)
    take("write", BERLIN, 3)
    take("write", MUNICH, 7)
    meet.quota().pause("create", "project", 40)
    page = text(sign_in(admin).get("/system/"))
    assert "Reading whole project 12 / 6 000 (0 %)" in page.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "Changing whole project 10 / 1 000 (1 %)" in page.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert f"Reading {BERLIN} 12 / 600 (2 %)" in page
    assert f"Changing {MUNICH} 7 / 100 (7 %)" in page
    assert re.search(r"paused for (39|40) s after Google reported too many requests", page)
    page = text(sign_in(helpdesk).get("/system/"))
    assert "12 / 6" in page
    assert "@example.com 12 / 600" not in page


def test_quota_share_is_in_the_status_line(rooms, admin, sign_in, settings):
    settings.QUOTA = type(settings.QUOTA)(write_account=10)
    for _ in range(10):
        try:
            take("write", BERLIN, 1)
        except OverQuota:
            break
    used = next(one.used for one in meet.quota().used().readings if one.scope == BERLIN)
    page = text(sign_in(admin).get("/system/"))
    assert f"{10 * used} % (Changing)" in page
    assert f"quota {10 * used} %" in page


def test_accounts_are_named_only_to_those_who_manage_them(rooms, admin, helpdesk, sign_in):
    Account.objects.update(status="broken", problem="Withdrawn.", problem_since=timezone.now())
    managing, helping = sign_in(admin).get("/system/"), sign_in(helpdesk).get("/system/")
    assert BERLIN in text(managing)
    assert "Withdrawn." in text(managing)
    assert BERLIN not in helping.content.decode()
    assert "Withdrawn." not in helping.content.decode()
    assert "0 of 1" in text(helping)
    assert "Google refuses access to one account" in text(helping)
    assert "Check permissions" not in text(helping)


def test_ages_and_the_oldest_room(rooms, admin, sign_in):
    now = timezone.now()
    Space.objects.filter(pk=rooms[0].pk).update(seen_at=now - timedelta(minutes=20))
    Space.objects.filter(pk=rooms[1].pk).update(seen_at=now - timedelta(minutes=3))
    factories.make_room(with_space=False)
    factories.make_room(space=factories.make_space(account=rooms[0].account, owned=False, seen_at=None))
    ages = status.collect().ages
    assert (ages.within_minute, ages.within_five, ages.older, ages.never, ages.others) == (0, 1, 1, 0, 2)
    reply = sign_in(admin).get("/system/")
    assert f"Oldest: {rooms[0].room.name}" in text(reply)
    assert f'href="{rooms[0].room.get_absolute_url()}"' in reply.content.decode()
    assert "20 min Critical" in text(reply)


def test_processes_are_listed(rooms, admin, sign_in, settings):
    heartbeats.record("worker", host="host-b", pid=7, version=settings.VERSION)
    heartbeats.record("worker", host="host-c", pid=8, age=60)
    page = text(sign_in(admin).get("/system/"))
    assert "Worker 7 host-b Running" in page
    assert "Worker 8 host-c Gone" in page
    assert "Worker 100 host-a Old version Runs 0.1.0+test. Restart it." in page
    assert "2 running Warning" in page


def test_queue_and_its_oldest_task(rooms, admin, sign_in):
    for waited in (5, 90):
        broker.link().rpush("celery", json.dumps({"headers": {"sent_at": time.time() - waited}}))
    broker.link().lpush("celery", "no message of ours")
    page = text(sign_in(admin).get("/system/"))
    assert "celery: 3 waiting (oldest: 1 min)" in page
    assert "3 · oldest 1 min Critical" in page


def test_system_page_without_redis(rooms, admin, sign_in, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=1"
    reply = sign_in(admin).get("/system/")
    assert reply.status_code == 200
    assert "Redis cannot be reached" in text(reply)
    assert "these are the calls of this web process only" in text(reply)


def test_missing_migration_is_critical(rooms, admin, sign_in, monkeypatch):
    wanted = status._on_disk() | {("spaces", "9999_of_tomorrow")}
    monkeypatch.setattr(status, "_on_disk", lambda: wanted)
    page = text(sign_in(admin).get("/system/"))
    assert "Missing: spaces.9999_of_tomorrow. Run manage.py prepare." in page
    assert "System Critical" in page


def test_failing_account_has_its_next_try(rooms, admin, sign_in):
    Account.objects.update(
        problem="Google is not available.", problem_since=timezone.now(), fail_count=3,
        open_until=timezone.now() + timedelta(minutes=2), failed_at=timezone.now(),
    )  # fmt: skip
    page = text(sign_in(admin).get("/system/"))
    assert "Left alone for now Google is not available." in page
    assert "Next try:" in page


def test_events_of_an_account(rooms, admin, sign_in, settings):
    settings.PUSH = object()
    account = rooms[0].account
    factories.make_subscription(account, state="suspended", suspension="ENDPOINT_NOT_FOUND")
    page = text(sign_in(admin).get("/system/"))
    assert "Suspended by Google last event never, ends in 5" in page
    assert "The Pub/Sub topic does not exist any more." in page
    assert "events silent" in page


def test_refresh_gets_the_board_only(rooms, admin, sign_in):
    part = sign_in(admin).get("/system/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert part.strip().startswith("<section")
    assert 'hx-swap-oob="outerMorph"' in part


def test_status_line_has_quota_and_events_for_staff_only(rooms, helpdesk, colleague, sign_in):
    assert re.search(r"checked \d+ s ago quota \d+ % events off", text(sign_in(helpdesk).get("/mine/")))
    assert "quota" not in text(sign_in(colleague).get("/mine/"))
    assert "/system/" not in sign_in(colleague).get("/mine/").content.decode()


# --- The check of every permission by itself ---------------------------------------------------------


def check(sign_in, person, room) -> str:
    browser = sign_in(person)
    account = room.space.account
    reply = browser.post(f"/google/{account.pk}/check/", {"next": "/system/"}, follow=True)
    assert reply.redirect_chain[0][0] == "/system/"
    return text(reply)


def test_every_permission_works(google, admin, sign_in):
    room = known_room(google)
    assert f"{BERLIN} has every permission it needs." in check(sign_in, admin, room)
    assert list(ScopeCheck.objects.values_list("works", flat=True)) == [True, True, True]
    entry = AuditEntry.objects.get(action="account:check")
    assert (entry.actor, entry.target, entry.detail) == (admin, BERLIN, "")


def test_the_one_that_is_missing_is_named(google, admin, sign_in):
    room = known_room(google)
    google.control("POST", "delegation", {"scopes": ["created", "readonly"]})
    Account.objects.update(status="broken", problem="Not delegated.")
    page = check(sign_in, admin, room)
    assert f"{BERLIN} lacks meetings.space.settings, and one missing permission fails every request." in page
    assert re.search(r"meetings.space.settings refused \d s ago", page)
    assert "meetings.space.created works" in page
    known = {check.scope.rpartition(".")[2]: check.works for check in ScopeCheck.objects.all()}
    assert known == {"created": True, "readonly": True, "settings": False}
    assert "settings" in str(AuditEntry.objects.get(action="account:check").detail)
    google.control("POST", "delegation", {})
    assert "has every permission" in check(sign_in, admin, room)
    assert ScopeCheck.objects.filter(works=False).count() == 0


def test_none_at_all_says_why(google, admin, sign_in):
    room = known_room(google)
    google.control("POST", "faults", {"method": "token", "error": "invalid_grant", "times": 0})
    assert "has none of the permissions. Google no longer accepts" in check(sign_in, admin, room)


def test_google_away_proves_nothing(google, admin, sign_in):
    room = known_room(google)
    google.control("POST", "faults", {"method": "token", "status": 503, "times": 0})
    assert "Nothing was changed. Google is not available" in check(sign_in, admin, room)
    assert ScopeCheck.objects.count() == 0
    assert not AuditEntry.objects.filter(action="account:check").exists()


def test_a_sweep_after_a_check_proves_all_and_a_check_after_it_says_more(google, admin):
    account = space_of(known_room(google)).account
    now = timezone.now()
    Account.objects.filter(pk=account.pk).update(status="ok", swept_at=now)
    ScopeCheck.remember(account.pk, credentials.SETTINGS, problem="no", at=now - timedelta(minutes=1))
    assert [one.works for one in status.collect().accounts[0].scopes] == [True, True, True]
    ScopeCheck.remember(account.pk, credentials.SETTINGS, problem="no", at=now + timedelta(seconds=1))
    assert [one.works for one in status.collect().accounts[0].scopes] == [True, True, False]


def test_trying_now_leads_back_to_where_the_button_was(google, admin, sign_in):
    room = known_room(google)
    account = space_of(room).account
    reply = sign_in(admin).post(f"/google/{account.pk}/test/", {"next": "/system/"})
    assert reply["Location"] == "/system/"
