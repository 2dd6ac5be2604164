import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embedded import supervisor
from embedded.process import ROOT, Problem, wait_until

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("supervised.py")
FOR_EVER = "exec sleep 600"


def alive(pid: int) -> bool:
    """Whether a process runs (one that only waits to be reaped does not)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


class Watched:
    """A supervisor program under test, its folder, and the processes its children report by writing their number to a file."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, *pairs: str) -> None:
        argv: list[str | Path] = [sys.executable, PROGRAM, self.folder / "log", *pairs]
        self.process = subprocess.Popen(
            argv,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "started\n"

    def reports(self, command: str, *, to: str) -> str:
        return f"echo $$ >>{self.folder}/{to}; {command}"

    def pids(self, name: str, *, count: int = 1) -> list[int]:
        file = self.folder / name
        wait_until(lambda: file.exists() and file.read_text().count("\n") >= count, seconds=20, what=name)
        return [int(line) for line in file.read_text().splitlines()]

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, output


@pytest.fixture
def watched(tmp_path):
    watched = Watched(tmp_path)
    yield watched
    watched.process.kill()
    watched.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all_children_and_ends_well(watched, number):
    watched.start("a", watched.reports(FOR_EVER, to="a"), "b", watched.reports(FOR_EVER, to="b"))
    children = watched.pids("a") + watched.pids("b")
    assert all(map(alive, children))
    watched.process.send_signal(number)
    assert watched.end() == (0, "")
    assert not any(map(alive, children))


def test_the_youngest_stops_first_and_is_gone_before_the_next_is_asked(watched):
    last_words = "trap 'echo {0} >>order; exit 0' TERM; echo $$ >>{0}; while :; do sleep 0.05; done"
    watched.start(
        *(
            part
            for name in ("broker", "web", "beat")
            for part in (name, f"cd {watched.folder}; " + last_words.format(name))
        )
    )
    for name in ("broker", "web", "beat"):
        watched.pids(name)
    watched.process.terminate()
    watched.end()
    assert (watched.folder / "order").read_text().split() == ["beat", "web", "broker"]


def test_a_child_that_died_is_started_again_and_its_last_words_are_shown(watched):
    watched.start(
        "web",
        watched.reports(
            f"[ -e {watched.folder}/once ] || {{ touch {watched.folder}/once; echo out of ink; exit 3; }}; {FOR_EVER}",
            to="web",
        ),
    )
    first, second = watched.pids("web", count=2)
    assert not alive(first)
    assert alive(second)
    watched.process.terminate()
    code, output = watched.end()
    assert code == 0
    assert re.search(r"web ended unexpectedly \(code 3\).*out of ink", output, re.DOTALL)


def test_grandchildren_of_a_dead_child_do_not_meet_their_successors(watched):
    watched.start(
        "web", watched.reports(f"sleep 600 & echo $! >>{watched.folder}/grandchild; wait", to="web")
    )
    child = watched.pids("web")[0]
    grandchild = watched.pids("grandchild")[0]
    os.kill(child, signal.SIGKILL)
    watched.pids("web", count=2)
    assert not alive(grandchild)


def test_it_gives_up_on_a_child_that_keeps_dying(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.001)
    said: list[str] = []
    with supervisor.Supervisor(logs=tmp_path, say=said.append) as keeper:
        other = keeper.start(supervisor.Child("other", ["sleep", "600"], os.environ))
        keeper.start(supervisor.Child("web", ["sh", "-c", "echo no ink; exit 1"], os.environ))
        with pytest.raises(Problem, match=r"5 times within a minute(.|\n)*no ink"):
            keeper.run()
    assert len(said) == 4
    assert other.poll() is not None
    assert (tmp_path / "web.log").read_text() == "no ink\n" * 5


def test_a_child_that_will_not_stop_is_ended_by_force(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 1.0)
    said: list[str] = []
    with supervisor.Supervisor(logs=tmp_path, say=said.append) as keeper:
        stubborn = keeper.start(
            supervisor.Child(
                "stubborn", ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"], os.environ
            )
        )
        wait_until(
            lambda: (tmp_path / "stubborn.log").read_text() == "deaf\n", seconds=10, what="the deaf one"
        )
    assert stubborn.returncode == -signal.SIGKILL
    assert said == ["stubborn did not stop in time and was ended by force."]


def test_killing_the_supervisor_leaves_no_orphans(watched):
    watched.start("a", watched.reports(FOR_EVER, to="a"), "b", watched.reports(FOR_EVER, to="b"))
    children = watched.pids("a") + watched.pids("b")
    watched.process.kill()
    wait_until(lambda: not any(map(alive, children)), seconds=10, what="the end of the orphans")


def test_waiting_costs_no_time_on_the_processor(tmp_path):
    with supervisor.Supervisor(logs=tmp_path, say=print) as keeper:
        keeper.start(supervisor.Child("idle", ["sleep", "600"], os.environ))
        before = time.process_time()
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            keeper.wait(deadline - time.monotonic())
        assert time.process_time() - before < 0.1


def test_a_command_that_ends_is_waited_for_and_its_failure_shown(tmp_path):
    with supervisor.Supervisor(logs=tmp_path, say=print) as keeper:
        keeper.complete(supervisor.Child("good", ["true"], os.environ))
        with pytest.raises(Problem, match=r"migrate failed(.|\n)*table is locked"):
            keeper.complete(
                supervisor.Child("migrate", ["sh", "-c", "echo table is locked; exit 1"], os.environ)
            )


def test_an_overgrown_log_is_shortened_while_its_writer_goes_on(tmp_path):
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        supervisor.shorten(log, largest=200)
        assert log.stat().st_size == 100
        supervisor.shorten(log, largest=50)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert (tmp_path / "web.log.1").read_bytes() == b"x" * 100
