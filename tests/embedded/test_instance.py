import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import instance, serve
from embedded.process import ROOT, Problem

pytestmark = pytest.mark.slow


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_explained_with_its_holder_and_the_way_out(taken_port):
    with pytest.raises(Problem) as caught:
        instance.claim_port("127.0.0.1", taken_port, variable="PORT", seconds=0)
    comm = Path("/proc/self/comm").read_text().strip()
    assert str(caught.value) == (
        f"Port {taken_port} is taken by {comm} (process {os.getpid()}). Choose another, for example PORT={taken_port + 1}."
    )


def test_a_free_port_passes():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    instance.claim_port("127.0.0.1", port, variable="PORT", seconds=0)


def test_a_second_start_says_where_the_first_one_runs(tmp_path):
    second = instance.only_one(tmp_path, address="http://127.0.0.1:9000")
    whereabouts = rf"process {os.getpid()}, http://127.0.0.1:8000\.(.|\n)*MEETADMIN_STATE_DIR"
    with (
        instance.only_one(tmp_path, address="http://127.0.0.1:8000"),
        pytest.raises(Problem, match=whereabouts),
    ):
        second.__enter__()
    with instance.only_one(tmp_path, address="http://127.0.0.1:9000"):
        assert "9000" in (tmp_path / "instance.lock").read_text()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PORT": "eight"}, "PORT is 'eight'; write a whole number between 1 and 65535."),
        ({"SIMULATOR_PORT": "99999"}, "SIMULATOR_PORT is '99999'; write a whole number between 1 and 65535."),
        ({"ROOMS": "0"}, "ROOMS is '0'; write a whole number between 1 and 20000."),
    ],
)
def test_nonsense_in_the_environment_is_explained(tmp_path, variables, sentence):
    assert demo(tmp_path, variables) == (1, f"{sentence}\n")


def test_the_demo_explains_a_taken_port_and_starts_nothing(tmp_path, taken_port):
    code, message = demo(tmp_path, {"SIMULATOR_PORT": str(taken_port), "PORT": str(free_port())})
    assert code == 1
    assert message.startswith(f"Port {taken_port} is taken by ")
    assert not (tmp_path / "log").exists()


def demo(state: Path, variables: dict[str, str]) -> tuple[int, str]:
    """Try to start the demo in a state folder; its exit code and what it said about the failure."""
    env = {**os.environ, "MEETADMIN_STATE_DIR": str(state), **variables}
    done = subprocess.run(
        [sys.executable, "-m", "embedded", "demo"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_secrets_are_made_once_and_private(tmp_path):
    folder = tmp_path / "secrets"
    path = instance.secret_file(folder, "secret-key", instance.new_secret_key)
    first = path.read_text()
    assert len(first) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert instance.secret_file(folder, "secret-key", instance.new_secret_key).read_text() == first
    assert [entry.name for entry in folder.iterdir()] == ["secret-key"]


def test_a_demo_is_filled_again_when_anything_it_rests_on_has_changed(tmp_path):
    assert not serve.is_settled(tmp_path, 120)
    for name in ("db.sqlite3", "simulator.json"):
        (tmp_path / name).touch()
    assert not serve.is_settled(tmp_path, 120)
    (tmp_path / "settled").write_text(serve.settlement(tmp_path, 120))
    assert serve.is_settled(tmp_path, 120)
    assert not serve.is_settled(tmp_path, 121)
    (tmp_path / "simulator.json").unlink()
    assert not serve.is_settled(tmp_path, 120)
    (tmp_path / "simulator.json").touch()
    (tmp_path / "another").touch()
    (tmp_path / "another").replace(tmp_path / "db.sqlite3")
    assert not serve.is_settled(tmp_path, 120)
