"""What only one process may have at a time."""

from spaces import broker


def test_a_lease_is_one_processs_until_it_gives_it_back():
    mine, other = (broker.Lease("test:lease", seconds=30) for _ in range(2))
    assert mine.take()
    assert not other.take()
    assert mine.keep()
    assert 25 < broker.link().ttl(mine.key) <= 30
    mine.give_back()
    assert other.take()
    other.give_back()


def test_who_overslept_takes_nothing_away_from_the_next():
    mine, other = (broker.Lease("test:lease", seconds=30) for _ in range(2))
    assert mine.take()
    broker.link().delete(mine.key)  # its time is over
    assert other.take()
    assert not mine.keep()
    mine.give_back()
    assert other.keep()
    assert not mine.take()
    other.give_back()


def test_what_redis_has_forgotten_is_still_ones_own():
    mine, other = (broker.Lease("test:lease", seconds=30) for _ in range(2))
    assert mine.take()
    broker.link().delete(mine.key)  # it was started anew
    assert mine.keep()
    assert not other.take()
    mine.give_back()
