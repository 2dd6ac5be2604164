"""How an account is looked at: the arithmetic in tables, and that it never plans more than the budget."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.sync.planning import FEW, Load, Pace, pause_after, plan

PACE = Pace(every=30, with_push=180, oldest=60, budget=600, account_budget=300)
# A thousand rooms in each of ten accounts, fifty live in each: what the product promises.
PROMISE = Load(rooms=1000, live=50, stale=900, push=False, all_accounts=10, all_rooms=10_000, all_live=500)
ALONE = Load(rooms=1, live=0, stale=0, push=False, all_accounts=1, all_rooms=1, all_live=0)


@pytest.mark.parametrize(
    ("rooms", "live", "stale", "way"),
    [
        (0, 0, 0, "list"),
        (1, 0, 0, "links"),  # the same price, and tells the settings
        (1, 1, 1, "links"),
        (2, 0, 0, "list"),
        (2, 1, 1, "links"),  # one of them is to be read anyway
        (5, 0, 3, "list"),
        (5, 0, 4, "links"),
        (6, 0, 6, "list"),  # never more than FEW at once
        (1000, 50, 1000, "list"),
    ],
)
def test_the_cheaper_way(rooms, live, stale, way):
    load = replace(ALONE, rooms=rooms, live=live, stale=stale, all_rooms=max(rooms, 1), all_live=live)
    assert plan(load, PACE).way == way
    assert rooms <= FEW or way == "list"


@pytest.mark.parametrize(
    ("live", "push", "every"),
    [(1, False, 30), (0, False, 45), (1, True, 180), (0, True, 180)],
)
def test_busy_often_quiet_seldom_and_with_events_more_seldom_still(live, push, every):
    assert plan(replace(ALONE, rooms=10, live=live, push=push, all_live=live), PACE).every == every


@pytest.mark.parametrize(
    ("every", "quiet"),
    [(10, 15), (30, 45), (40, 45), (60, 60), (120, 120)],  # longer only if somebody wants it so
)
def test_a_quiet_account_is_looked_at_before_its_facts_are_too_old(every, quiet):
    assert plan(ALONE, replace(PACE, every=every)).every == quiet


def test_what_is_promised_fits_into_the_budget():
    made = plan(PROMISE, PACE)
    assert (made.way, made.every) == ("list", 30)
    assert made.heads == 26
    assert made.slow == 3
    a_minute = 10 * 2 * (1 + made.heads + made.slow)
    assert a_minute <= 600
    assert "26 of 50 calls are counted each time" in made.why


def test_more_than_a_page_of_calls_costs_more_lists():
    assert "in 2 pages" in plan(replace(PROMISE, live=101), PACE).why


def test_too_many_accounts_for_the_budget_become_slower_and_say_why():
    made = plan(replace(ALONE, all_accounts=1000, all_rooms=1000), PACE)
    assert made.every == 200
    assert made.why == (
        "Its link is read by itself: that costs no more than a list and tells the settings, too. Every 45 s: no call is on. Every "
        "200 s is what 1000 accounts can have of 600 readings a minute."
    )


def test_one_account_leaves_half_of_its_own_quota():
    load = Load(rooms=5000, live=900, stale=0, push=False, all_accounts=1, all_rooms=5000, all_live=900)
    made = plan(load, replace(PACE, budget=3000))
    assert made.heads == 141  # with nine pages a list: 300 in a minute


@given(
    accounts=st.integers(1, 500),
    rooms=st.integers(0, 3000),
    live=st.integers(0, 600),
    every=st.integers(5, 120),
    budget=st.integers(60, 3000),
)
def test_equal_accounts_never_plan_more_than_the_budget(accounts, rooms, live, every, budget):
    live = min(live, rooms)
    load = Load(
        rooms,
        live,
        0,
        push=False,
        all_accounts=accounts,
        all_rooms=accounts * rooms,
        all_live=accounts * live,
    )
    made = plan(load, replace(PACE, every=every, budget=budget))
    lists = rooms if made.way == "links" else max(1, -(-live // 100))
    looks = accounts * 60 / made.every
    # One head in each look is granted in any case, so that no call stays uncounted for ever.
    granted = looks * (made.heads <= 1) * bool(live)
    assert looks * (lists + made.heads + made.slow) <= budget * 1.0001 + granted
    assert made.every >= every


@pytest.mark.parametrize(
    ("failures", "for_good", "seconds"),
    [
        (1, False, 60),
        (2, False, 60),
        (12, False, 60),
        (1, True, 60),
        (2, True, 120),
        (4, True, 480),
        (5, True, 900),
        (99, True, 900),
    ],
)
def test_the_pause_after_failures(failures, for_good, seconds):
    assert pause_after(failures, every=30, for_good=for_good) == seconds
