"""The one list of checks: against the simulator with both official clients, and against the real Google when asked.

For the real Google, set
    MEETADMIN_LIVE_SERVICE_ACCOUNT_FILE   key of a service account with domain-wide delegation for the Meet scopes
    MEETADMIN_LIVE_OWNER                  a licensed user in whose name spaces are made
    MEETADMIN_LIVE_OTHER                  a second user of the same domain (may be missing)
    MEETADMIN_LIVE_COHOST                 an address that may be made a co-host (default: the second user, else the owner)
and run ``pytest -m live tests/contract/test_checks.py``. Three spaces per client are made; since Google can delete none,
they are left restricted and without members.
"""

import os
from collections.abc import Callable, Iterator

import pytest
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials

from tests.contract.callers import CLIENTS
from tests.contract.checks import CHECKS, Stage
from tests.support.simulator import MEET_SCOPES, SimulatorProcess

OWNER = "rooms-ber@example.com"
OTHER = "it-admin@example.com"
KEY_FILE = os.environ.get("MEETADMIN_LIVE_SERVICE_ACCOUNT_FILE", "")
LIVE_OWNER = os.environ.get("MEETADMIN_LIVE_OWNER", "")
LIVE_OTHER = os.environ.get("MEETADMIN_LIVE_OTHER", "")

every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
every_client = pytest.mark.parametrize("client", sorted(CLIENTS))


@pytest.fixture
def stage(google: SimulatorProcess, client: str) -> Iterator[Stage]:
    """A stage in the simulator."""
    kind = CLIENTS[client]
    caller = kind(Credentials(google.token(OWNER)), endpoint=google.url)
    other = kind(Credentials(google.token(OTHER)), endpoint=google.url)
    stage = Stage(caller, other)
    yield stage
    stage.put_away()
    for name in stage.made:
        assert caller.get(name)["config"]["accessType"] == "RESTRICTED"
        assert caller.members(name) == []
    caller.close()
    other.close()


@every_client
@every_check
def test_the_simulator(stage: Stage, check: Callable[[Stage], None]) -> None:
    """Each check holds in the simulator."""
    check(stage)


@pytest.fixture(scope="module")
def live_stages() -> Iterator[dict[str, Stage]]:
    """One stage per client for all checks; every space is put away in the end, whatever happened."""
    if not KEY_FILE or not LIVE_OWNER:
        pytest.skip(
            "No real Google: MEETADMIN_LIVE_SERVICE_ACCOUNT_FILE and MEETADMIN_LIVE_OWNER are not set."
        )
    key = service_account.Credentials.from_service_account_file(KEY_FILE, scopes=list(MEET_SCOPES))
    cohost = os.environ.get("MEETADMIN_LIVE_COHOST") or LIVE_OTHER or LIVE_OWNER
    stages = {
        name: Stage(
            kind(key.with_subject(LIVE_OWNER)),
            kind(key.with_subject(LIVE_OTHER)) if LIVE_OTHER else None,
            cohost,
        )
        for name, kind in CLIENTS.items()
    }
    try:
        yield stages
    finally:
        for each in stages.values():
            each.put_away()
            each.caller.close()
            if each.other is not None:
                each.other.close()


@pytest.mark.live
@pytest.mark.enable_socket
@pytest.mark.timeout(600)
@every_client
@every_check
def test_the_real_google(live_stages: dict[str, Stage], client: str, check: Callable[[Stage], None]) -> None:
    """Each check holds at Google."""
    check(live_stages[client])
