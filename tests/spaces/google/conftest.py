"""Google for these tests: one simulator a module, back at its seed before every test."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.simulator import SimulatorProcess


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    """A still simulator in a process of its own."""
    with SimulatorProcess(rooms=24, seed=7) as process:
        yield process


@pytest.fixture
def google(simulator: SimulatorProcess) -> SimulatorProcess:
    """The simulator, fresh."""
    simulator.reset()
    return simulator


@pytest.fixture(scope="module")
def key_of_service(simulator: SimulatorProcess) -> dict[str, Any]:
    """The service account's key file."""
    with urllib.request.urlopen(f"{simulator.url}/_control/service-account") as answer:
        key: dict[str, Any] = json.load(answer)
    return key
