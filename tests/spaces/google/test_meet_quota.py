"""MeetClient passes its gate before everything it sends, and tells it when Google refuses all the same."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from spaces.google import errors
from spaces.google.errors import OverQuota
from spaces.google.limits import Kind
from tests.spaces.google.misbehaving import Misbehaving, http
from tests.spaces.google.test_meet_answers import GOOD_SPACE, NAME, READS, RECORD, WRITES, client_of
from tests.support.simulator import SimulatorProcess

CLASSES = dict.fromkeys(READS, "read") | {
    "create_space": "create",
    "patch_space": "write",
    "end_active_conference": "write",
}


@dataclass
class Notebook:
    """A gate that lets through `open_for` calls and writes everything down."""

    open_for: int = 1000
    taken: list[Kind] = field(default_factory=list)
    refusals: list[tuple[Kind, OverQuota]] = field(default_factory=list)

    def take(self, kind: Kind) -> None:
        if len(self.taken) >= self.open_for:
            raise OverQuota("Not now.", retry_after=3)
        self.taken.append(kind)

    def refused(self, kind: Kind, refusal: OverQuota) -> None:
        self.refusals.append((kind, refusal))


def guarded(url: str, gate: Notebook) -> Any:
    client = client_of(url)
    client.quota = gate
    return client


@pytest.mark.parametrize("method", [*READS, *WRITES])
def test_each_method_states_its_class(method):
    gate = Notebook()
    with Misbehaving([http(200, {"name": NAME})]) as google:
        with suppress(errors.GoogleError):  # what is read does not matter here
            (READS | WRITES)[method](guarded(google.url, gate))
        assert len(google.requests) == 1
    assert gate.taken == [CLASSES[method]]
    assert gate.refusals == []


@pytest.mark.parametrize("method", [*READS, *WRITES])
def test_a_shut_gate_lets_nothing_out(method):
    with Misbehaving([GOOD_SPACE]) as google, pytest.raises(OverQuota) as refusal:
        (READS | WRITES)[method](guarded(google.url, Notebook(open_for=0)))
    assert google.requests == []
    assert not isinstance(refusal.value, errors.OutcomeUnknown)
    assert refusal.value.retry_after == 3


def test_every_page_of_a_list_passes_for_itself():
    gate = Notebook(open_for=2)
    page = http(200, {"participants": [], "nextPageToken": "more"})
    with Misbehaving([page]) as google, pytest.raises(OverQuota):
        guarded(google.url, gate).participants(RECORD)
    assert gate.taken == ["read", "read"]
    assert len(google.requests) == 2


@pytest.mark.parametrize(("method", "kind"), [("get_space", "read"), ("end_active_conference", "write")])
def test_a_429_is_told_to_the_gate_with_the_limit_that_google_names(method, kind):
    gate = Notebook()
    error = {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": "ReadPerMinutePerProject"}}
        ],
    }
    with (
        Misbehaving([http(429, {"error": error}, "Retry-After: 17")]) as google,
        pytest.raises(OverQuota) as problem,
    ):
        (READS | WRITES)[method](guarded(google.url, gate))
    assert gate.refusals == [(kind, problem.value)]
    assert (problem.value.quota_limit, problem.value.retry_after) == ("ReadPerMinutePerProject", 17)


def test_other_trouble_is_none_of_the_gates_business():
    gate = Notebook()
    with Misbehaving([http(503, "")]) as google, pytest.raises(errors.TryLater):
        guarded(google.url, gate).get_space(NAME)
    assert gate.refusals == []


def test_the_simulator_names_its_limit_as_google_does(google: SimulatorProcess):
    gate = Notebook()
    google.control("POST", "faults", {"method": "spaces.get", "status": 429})
    with pytest.raises(OverQuota) as problem:
        guarded(google.url, gate).find_space("abc-mnop-xyz")
    assert problem.value.quota_limit == "ReadRequestsPerMinutePerUserPerProject"
    assert len(gate.refusals) == 1
