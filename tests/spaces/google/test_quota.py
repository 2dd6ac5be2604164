"""The shared quota, on a real Valkey with real processes. Windows are short here, else they are Google's minutes."""

import math
import re
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from embedded import broker
from spaces.google.errors import OverQuota
from spaces.google.limits import AT_ONCE, KINDS, PROJECT, Bucket, Flow, Kind, Limits
from spaces.google.quota import ALONE, Quota, Turnstile
from spaces.google.quota_local import LocalFallback
from tests.support import environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
ANNA, BERT = "anna@example.com", "bert@example.com"
URL = broker.url(environment.BROKER_FOLDER, database=2)
PERIOD = 2.0
MINUTE = 60.0
SLOW = 3600.0  # so slow that nothing refills while a test counts


@pytest.fixture
def redis() -> Iterator[Redis]:
    """An empty database of the session's Valkey."""
    client = Redis.from_url(URL)
    client.flushdb()
    yield client
    client.close()


def make(redis: Redis, *, period: float = SLOW, reserve: float = 0.2, **limits: int) -> Quota:
    return Quota(redis, Limits(**limits), period=period, reserve=reserve)


def takes(
    quota: Quota, kind: Kind = "read", account: str = ANNA, *, person: bool = True, most: int = 10_000
) -> int:
    """How many calls are granted without any waiting."""
    for number in range(most):
        try:
            quota.take(kind, account, patience=0, person=person)
        except OverQuota:
            return number
    return most


def wait_told(refusal: pytest.ExceptionInfo[OverQuota]) -> float:
    """The seconds that a refusal names."""
    assert refusal.value.retry_after is not None
    return refusal.value.retry_after


def most_in_a_window(moments: list[float], period: float) -> int:
    """The highest number of moments within any stretch of `period`, wherever it begins."""
    ordered = sorted(moments)
    return max((bisect_left(ordered, at + period) - i for i, at in enumerate(ordered)), default=0)


# --- Arithmetic -------------------------------------------------------------------------------------


@given(limit=st.integers(3, 100_000), kind=st.sampled_from(KINDS))
def test_a_minute_and_a_forgotten_burst_stay_within_the_limit(limit, kind):
    bucket = Bucket(limit, AT_ONCE[kind])
    assert bucket.burst >= 1
    assert bucket.rate > 0
    assert bucket.rate + 2 * bucket.burst <= limit + 1e-6


@pytest.mark.parametrize("limit", [-1, 0, 1, 2])
def test_limits_that_nothing_can_work_with_are_refused(limit):
    with pytest.raises(ValueError, match="too small"):
        Limits(create_account=limit)


def test_googles_own_limits_are_the_default():
    limits = Limits()
    assert [(limits.project(kind).limit, limits.account(kind).limit) for kind in KINDS] == [
        (6000, 600),
        (1000, 100),
        (100, 10),
    ]


@settings(max_examples=150, deadline=None)
@given(
    pauses=st.lists(st.floats(0, 8), min_size=1, max_size=300),
    limit=st.integers(3, 40),
    at_once=st.sampled_from([0.1, 0.15, 0.3]),
)
def test_whatever_comes_whenever_no_window_holds_more_than_burst_and_rate(pauses, limit, at_once):
    bucket, period, now = Bucket(limit, at_once), 60.0, [0.0]
    alone = LocalFallback(period, clock=lambda: now[0])
    flow = Flow("x", period / bucket.rate, bucket.burst)
    granted = []
    for pause in pauses:
        now[0] += pause
        if alone.ask("read", ANNA, [flow], first=True) == 0:
            granted.append(now[0])
    assert most_in_a_window(granted, period) <= bucket.burst + bucket.rate + 1e-6


# --- One process ------------------------------------------------------------------------------------


def test_a_full_bucket_gives_its_burst_and_then_makes_wait(redis):
    quota = make(redis)
    assert takes(quota) == 60
    with pytest.raises(OverQuota) as refusal:
        quota.take("read", ANNA, patience=0, person=True)
    assert 0 < wait_told(refusal) <= SLOW / 480
    assert re.search(r"Try again in [78] seconds\.", refusal.value.sentence)


def test_a_long_wait_is_told_in_seconds_and_not_begun(redis):
    quota = make(redis, period=MINUTE)
    assert takes(quota, "create") == 3
    before = time.monotonic()
    with pytest.raises(OverQuota) as refusal:
        quota.take("create", ANNA, patience=5, person=True)
    assert time.monotonic() - before < 4, "it waited although no waiting could have helped"
    assert 14 < wait_told(refusal) <= 15
    assert "creating links" in refusal.value.sentence
    assert "in 15 seconds" in refusal.value.sentence


def test_a_short_wait_is_waited(redis):
    quota = make(redis, period=PERIOD, read_account=30)  # 3 at once, then one each 83 ms
    assert takes(quota) == 3
    waited = quota.take("read", ANNA, patience=1, person=True)
    assert 0 < waited < 0.5


def test_all_buckets_or_none(redis):
    quota = make(redis, read_project=100, read_account=600)
    assert takes(quota) == 10  # the project's burst; the account's would be 60
    before = redis.get("{meetadmin:quota}:read:account:" + ANNA)
    assert takes(quota) == 0
    assert redis.get("{meetadmin:quota}:read:account:" + ANNA) == before
    assert takes(quota, account=BERT) == 0


def test_accounts_and_classes_do_not_touch_each_other(redis):
    quota = make(redis)
    assert takes(quota) == 60
    assert takes(quota, account=BERT) == 60
    assert takes(quota, "write") == 15


def test_a_bucket_refills(redis):
    quota = make(redis, period=0.2, read_account=30)
    assert takes(quota) >= 3
    deadline = time.monotonic() + 5
    while (again := takes(quota, most=3)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert again == 3


def test_a_server_clock_set_back_does_not_shut_a_bucket_for_hours(redis):
    quota = make(redis, period=MINUTE)
    key = "{meetadmin:quota}:read:account:" + ANNA
    redis.set(key, (time.time() + 7200) * 1000)
    with pytest.raises(OverQuota) as refusal:
        quota.take("read", ANNA, patience=0, person=True)
    assert wait_told(refusal) < 1


# --- People before machines -------------------------------------------------------------------------


def test_machines_leave_the_reserve(redis):
    quota = make(redis)
    assert takes(quota, person=False) == 48
    assert takes(quota, person=True) == 12


def test_people_may_use_all_and_then_machines_wait(redis):
    quota = make(redis)
    assert takes(quota, person=True) == 60
    assert takes(quota, person=False) == 0


@pytest.mark.parametrize("kind", ["read", "write"])
def test_people_never_wait_while_machines_hammer(redis, kind):
    quota = make(redis, period=PERIOD, read_account=100, write_account=100)
    stop = threading.Event()

    def hammer():
        machine = Quota(Redis.from_url(URL), quota.limits, period=PERIOD)
        while not stop.is_set():
            try:
                machine.take(kind, ANNA, patience=0.05, person=False)
            except OverQuota:
                continue

    machines = [threading.Thread(target=hammer) for _ in range(6)]
    for one in machines:
        one.start()
    clicks = 0
    try:
        until = time.monotonic() + 2 * PERIOD
        while time.monotonic() < until:
            quota.take(kind, ANNA, patience=0, person=True)  # at once, or the test fails
            clicks += 1
            time.sleep(0.25)  # a person who clicks eight times a window: less than the reserve refills
    finally:
        stop.set()
        for one in machines:
            one.join(10)
    assert clicks > 5
    account = next(one for one in quota.used().readings if one.scope == ANNA)
    assert account.used > 40, "the machines were busy all the while"


# --- Many processes ---------------------------------------------------------------------------------


def hammers(number: int, *arguments: object) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.hammer", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]


def granted(processes: list[subprocess.Popen[str]]) -> list[tuple[float, str]]:
    rows = []
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        rows += [(float(line.split()[0]), line.split()[1]) for line in output.splitlines() if line]
    return rows


def test_eight_processes_together_never_exceed_a_limit_in_any_window(redis):
    limit = 200
    people = hammers(4, URL, limit, PERIOD, 4, "person", ANNA, BERT)
    machines = hammers(4, URL, limit, PERIOD, 4, "machine", ANNA)
    by_people, by_machines = granted(people), granted(machines)
    everything = [at for at, _ in by_people + by_machines]
    bucket = Bucket(limit, AT_ONCE["read"])
    most = most_in_a_window(everything, PERIOD)
    assert most <= limit
    # Not only below: what is there is really given (a fifth less for ragged starts and ends).
    assert most >= 0.8 * (bucket.rate + bucket.burst)
    assert most_in_a_window([at for at, _ in by_machines], PERIOD) <= 0.8 * limit
    for account in (ANNA, BERT):
        assert (
            most_in_a_window([at for at, who in by_people + by_machines if who == account], PERIOD) <= limit
        )


def test_redis_killed_and_started_anew_under_eight_processes(tmp_path):
    limit, period = 200, 3.0
    with broker.start(tmp_path / "b") as server:
        processes = hammers(8, server.url(), limit, period, 7, "person", ANNA)
        probe = Redis.from_url(server.url())
        key = "{meetadmin:quota}:read:account:" + ANNA
        deadline = time.monotonic() + 20
        while not probe.exists(key) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert probe.exists(key), "nobody took anything"
        while float(probe.get(key) or 0) < time.time() * 1000 + 100 and time.monotonic() < deadline:
            time.sleep(0.02)  # until the bucket is well used
        probe.close()
        server.process.kill()
        server.process.wait()
        killed_at = time.time()
        (tmp_path / "b" / broker.SOCKET_NAME).unlink(missing_ok=True)
        while time.time() < killed_at + 2:
            assert all(process.poll() is None for process in processes)
            time.sleep(0.1)
        started_at = time.time()
        with broker.start(tmp_path / "b") as again:  # empty: it has forgotten everything
            moments = [at for at, _ in granted(processes)]
            probe = Redis.from_url(again.url())
            assert "cmdstat_evalsha" in probe.info("commandstats"), "nobody came back to Redis"
            probe.close()
    assert any(killed_at + 0.5 < at < started_at for at in moments), "without Redis nothing was given"
    assert any(at > started_at + 1 for at in moments)
    assert most_in_a_window(moments, period) <= limit


def test_a_redis_that_comes_back_with_nothing_gives_no_second_burst(tmp_path):
    with broker.start(tmp_path / "b") as server:
        quota = Quota(Redis.from_url(server.url(), socket_timeout=1), Limits(), period=SLOW)
        assert takes(quota) == 60
        server.process.kill()
        server.process.wait()
        assert takes(quota) == 3
        (tmp_path / "b" / broker.SOCKET_NAME).unlink(missing_ok=True)
        with broker.start(tmp_path / "b") as again, Redis.from_url(again.url()) as probe:
            deadline = time.monotonic() + 20
            back = 0
            while not probe.dbsize() and time.monotonic() < deadline:
                back += takes(quota, most=1)
                time.sleep(0.1)
            assert probe.dbsize(), "it never came back to Redis"
            assert back + takes(quota) == 1
            assert takes(quota, account=BERT) == 0, "the project's bucket has not refilled either"


# --- Redis away -------------------------------------------------------------------------------------


def away(**limits: int) -> Quota:
    nowhere = Redis.from_url(f"unix://{environment.FOLDER}/nobody.sock")
    return Quota(nowhere, Limits(**limits), period=SLOW)


def test_without_redis_a_process_keeps_to_an_eighth():
    quota = away()
    assert takes(quota) == math.floor(60 * ALONE / 2)
    with pytest.raises(OverQuota) as refusal:
        quota.take("read", ANNA, patience=0, person=True)
    assert 0.2 < wait_told(refusal) / (SLOW / 60) <= 1
    assert takes(quota, "write") == 1
    assert takes(quota, "create") == 1


def test_without_redis_people_still_come_before_machines():
    quota = away(read_account=2000)
    assert takes(quota, person=False) == 10
    assert takes(quota, person=True) == 2


def test_without_redis_a_pause_holds_and_the_meter_shows_this_process():
    quota = away()
    assert takes(quota, most=3) == 3
    quota.pause("read", ANNA, 30)
    assert takes(quota) == 0
    assert takes(quota, account=BERT, most=2) == 2
    meter = quota.used()
    assert not meter.shared
    project = meter.readings[0]
    assert (project.kind, project.scope, project.used, project.waited) == ("read", PROJECT, 5, 1)
    anna = next(one for one in meter.readings if one.scope == ANNA)
    assert (anna.used, anna.waited) == (3, 1)
    assert 29 < anna.paused_for <= 30


def test_a_redis_that_refuses_is_as_good_as_none(redis):
    quota = make(redis)
    redis.config_set("maxmemory", "1")
    try:
        assert takes(quota) == math.floor(60 * ALONE / 2)
    finally:
        redis.config_set("maxmemory", "256mb")


def test_a_redis_that_does_not_answer_costs_one_timeout_not_one_a_call(redis):
    quota = Quota(Redis.from_url(URL, socket_timeout=1), Limits())
    quota.take("read", ANNA, patience=0, person=True)
    redis.client_pause(4000, all=True)
    before = time.monotonic()
    assert takes(quota, account=BERT, most=3) == 3
    assert time.monotonic() - before < 3
    redis.ping()  # answered when the pause is over: the next test finds its Redis awake


# --- After a 429 ------------------------------------------------------------------------------------


def test_a_pause_holds_for_everybody_and_only_there(redis):
    quota, another_process = make(redis), make(redis)
    quota.pause("read", ANNA, 42)
    for person in (True, False):
        with pytest.raises(OverQuota) as refusal:
            another_process.take("read", ANNA, patience=5, person=person)
        assert 41 < wait_told(refusal) <= 42
    assert takes(another_process, account=BERT, most=1) == 1
    assert takes(another_process, "write", most=1) == 1


def test_a_paused_project_holds_all_accounts_of_that_class(redis):
    quota = make(redis)
    quota.pause("write", PROJECT, 42)
    assert takes(quota, "write") == takes(quota, "write", account=BERT) == 0
    assert takes(quota, "read", most=1) == 1


def test_without_a_named_time_the_pause_lasts_until_the_next_minute(redis):
    quota = make(redis, period=MINUTE)
    seconds, micros = redis.time()
    rest = 60 - (seconds + micros / 1e6) % 60
    quota.pause("read", ANNA, None)
    with pytest.raises(OverQuota) as refusal:
        quota.take("read", ANNA, patience=0, person=True)
    expected = rest if rest > 1 else 1
    assert abs(wait_told(refusal) - expected) < 1.5 or rest < 1.5


def test_a_pause_is_never_shortened_and_ends(redis):
    quota = make(redis)
    quota.pause("read", BERT, 30)
    quota.pause("read", ANNA, 0.4)
    quota.pause("read", ANNA, 0.1)
    assert takes(quota) == 0
    assert quota.take("read", ANNA, patience=3, person=True) > 0.1
    quota.pause("read", BERT, 1)
    with pytest.raises(OverQuota) as refusal:
        quota.take("read", BERT, patience=0, person=True)
    assert wait_told(refusal) > 25


@pytest.mark.parametrize(
    ("limit", "other_account_free"),
    [
        ("ReadRequestsPerMinutePerUser", True),
        ("ReadRequestsPerMinutePerProjectPerUser", True),
        ("ReadRequestsPerMinutePerProject", False),
        ("", True),
        ("something new", True),
    ],
)
def test_the_bucket_that_google_names_is_shut(redis, limit, other_account_free):
    quota = make(redis)
    gate = Turnstile(quota, ANNA, person=True, patience=0, in_all=0)
    gate.take("read")
    gate.refused("read", OverQuota("Too much.", retry_after=20, quota_limit=limit))
    with pytest.raises(OverQuota):
        gate.take("read")
    assert (takes(quota, account=BERT, most=1) == 1) is other_account_free


def test_a_piece_of_work_has_one_patience_for_all_its_calls(redis):
    quota = make(redis, period=PERIOD, read_account=30)
    gate = Turnstile(quota, ANNA, person=True, patience=1, in_all=0.3)
    granted = 0
    try:
        while granted < 100:
            gate.take("read")
            granted += 1
    except OverQuota:
        pass
    assert 3 < granted < 20


# --- The meter --------------------------------------------------------------------------------------


def test_the_meter_adds_up(redis):
    quota = make(redis)
    calls: Counter[tuple[Kind, str]] = Counter(
        {("read", ANNA): 7, ("read", BERT): 11, ("write", BERT): 3, ("create", ANNA): 1}
    )
    for (kind, account), number in calls.items():
        assert takes(quota, kind, account, most=number) == number
    meter = make(redis).used()
    assert meter.shared
    projects = {one.kind: (one.used, one.limit) for one in meter.readings if one.scope == PROJECT}
    assert projects == {"read": (18, 6000), "write": (3, 1000), "create": (1, 100)}
    accounts = {(one.kind, one.scope): one.used for one in meter.readings if one.scope != PROJECT}
    assert accounts == calls
    assert next(one for one in meter.readings if one.scope != PROJECT).scope == BERT
    assert all(one.waited == 0 and one.paused_for == 0 for one in meter.readings)


def test_the_meter_tells_who_was_made_to_wait_and_what_is_shut(redis):
    quota = make(redis)
    takes(quota, "create")
    quota.pause("read", PROJECT, 50)
    readings = {(one.kind, one.scope): one for one in quota.used().readings}
    assert (readings["create", ANNA].used, readings["create", ANNA].waited) == (3, 1)
    assert readings["create", PROJECT].waited == 1
    assert 49 < readings["read", PROJECT].paused_for <= 50


def test_a_call_that_waited_counts_once_for_waiting_and_once_for_use(redis):
    quota = make(redis, period=6.0, read_account=300)
    used = takes(quota)
    quota.pause("read", ANNA, 0.3)
    quota.take("read", ANNA, patience=3, person=True)
    anna = next(one for one in quota.used().readings if one.scope == ANNA)
    assert (anna.used, anna.waited) == (used + 1, 2)


def test_the_meter_forgets(redis):
    quota = make(redis, period=0.3)
    assert takes(quota, most=3) == 3
    deadline = time.monotonic() + 5
    while quota.used().readings[0].used and time.monotonic() < deadline:
        time.sleep(0.05)
    assert quota.used().readings[0].used == 0


def test_nothing_is_kept_for_ever(redis):
    quota = make(redis, period=MINUTE)
    takes(quota, most=5)
    takes(quota, "create")
    quota.pause("read", ANNA, 30)
    keys = list(redis.scan_iter())
    assert len(keys) == 10  # four buckets, two counts of calls, one of waits, one pause, two totals
    month = 30 * 86_400_000
    longest = {key: month if key.endswith(b":total") else 120_000 for key in keys}
    assert all(0 < redis.pttl(key) <= longest[key] for key in keys)


def test_totals_only_grow(redis):
    quota = make(redis, period=MINUTE)
    sent = takes(quota, most=5)
    created = takes(quota, "create")
    quota.pause("read", ANNA, 30)
    quota.pause("read", PROJECT, 30)
    totals = quota.totals()
    assert (totals["read", "sent"], totals["read", "refused"], totals["read", "waited"]) == (sent, 2, 0)
    assert (totals["create", "sent"], totals["create", "waited"]) == (created, 1)
    assert created > 0
