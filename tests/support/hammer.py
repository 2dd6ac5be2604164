"""A process that takes from the shared quota as fast as it is let, and prints when it was: for tests with several of them.

`python -m tests.support.hammer REDIS_URL READ_LIMIT PERIOD SECONDS person|machine [ACCOUNT...]`
"""

import random
import sys
import time

from redis import Redis

from spaces.google.errors import OverQuota
from spaces.google.limits import Limits
from spaces.google.quota import Quota


def main(url: str, limit: str, period: str, seconds: str, who: str, *accounts: str) -> None:
    """Take until the time is over; then one line for each call that was granted: the moment and the account."""
    limits = Limits(read_project=int(limit), read_account=int(limit))
    quota = Quota(Redis.from_url(url, socket_timeout=1), limits, reserve=0.2, period=float(period))
    until = time.monotonic() + float(seconds)
    granted = []
    while time.monotonic() < until:
        account = random.choice(accounts)
        try:
            quota.take("read", account, patience=0.2, person=who == "person")
        except OverQuota:
            continue
        granted.append(f"{time.time():.6f} {account}")
    sys.stdout.write("\n".join(granted) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
