"""Keeps a handful of child processes running: restarts what dies, gives up when that is pointless, stops all in reverse order."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from embedded import process
from embedded.process import Problem

STOP_SECONDS = 20.0  # for all children together, then force
DEATHS_TO_GIVE_UP = 5
DEATH_WINDOW = 60.0
FIRST_PAUSE = 0.5  # before a restart; doubles with every death in the window
HOUSEKEEPING = 60.0
PROGRESS = "progress: "  # how a line begins that the person at the terminal is meant to read
PROGRESS_EVERY = 2.0
LARGEST_LOG = 20_000_000  # bytes; then the log's content moves to NAME.log.1


class StopRequested(Exception):
    """Somebody asked us to stop, by Ctrl-C, TERM or by closing the terminal."""


@dataclass(frozen=True)
class Child:
    """What to run. `name` is for people and names the log file."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]


@dataclass
class Charge:
    """A child in our care: its process now, when it died lately, and when it is to be started again."""

    child: Child
    process: subprocess.Popen[bytes]
    deaths: deque[float] = field(default_factory=deque)
    restart_at: float | None = None


class Supervisor:
    """Runs children until told to stop. Use it as a context manager in the main thread: leaving it stops everything it started.

    Children write to `logs`/NAME.log; the terminal gets one sentence, with the log's end, when one of them dies. Waiting is done in
    the kernel, woken by signals, so an idle supervisor costs nothing.
    """

    def __init__(self, *, logs: Path, say: Callable[[str], None]) -> None:
        self.logs = logs
        self.say = say
        self.charges: list[Charge] = []
        self.asked_to_stop = False
        self.next_housekeeping = time.monotonic()
        self.former_handlers: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        self.wake, wake_writer = os.pipe()
        self.wake_writer = wake_writer
        os.set_blocking(self.wake, False)
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.wake, selectors.EVENT_READ)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            self.former_handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for number, handler in self.former_handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        self.selector.close()
        os.close(self.wake)
        os.close(self.wake_writer)

    def start(self, child: Child) -> subprocess.Popen[bytes]:
        """Start a child and keep it running from now on."""
        charge = Charge(child, self._launch(child))
        self.charges.append(charge)
        return charge.process

    def complete(self, child: Child) -> None:
        """Run a child that is meant to end, and repeat on the terminal the progress that it writes.

        Raises Problem with the end of its log when it fails, StopRequested when we are stopped.
        """
        log = self._log(child)
        read_to = log.stat().st_size if log.exists() else 0
        running = self._launch(child)
        try:
            while running.poll() is None:
                self.wait(PROGRESS_EVERY)
                read_to = self._repeat_progress(log, read_to)
        finally:
            process.stop(running, seconds=5)
        if running.returncode != 0:
            raise Problem(f"{child.name} failed:\n{self._last_words(child)}")

    def _repeat_progress(self, log: Path, read_from: int) -> int:
        """Say the last whole line of progress after this place in a log; returns the place to go on from."""
        with log.open("rb") as file:
            file.seek(read_from)
            text, newline, _ = file.read().rpartition(b"\n")
        lines = [line for line in text.decode(errors="replace").splitlines() if line.startswith(PROGRESS)]
        if lines:
            self.say(f"  {lines[-1].removeprefix(PROGRESS)}")
        return read_from + len(text) + len(newline)

    def wait(self, seconds: float) -> None:
        """Look after the children and return after `seconds` at most, or earlier when something has happened.

        Raises StopRequested when a signal asks us to stop, Problem when a child keeps dying.
        """
        self._look_after()
        now = time.monotonic()
        moments = [now + seconds, self.next_housekeeping]
        moments += [charge.restart_at for charge in self.charges if charge.restart_at is not None]
        if self.selector.select(max(0.0, min(moments) - now)):
            with contextlib.suppress(BlockingIOError):
                os.read(self.wake, 4096)
        self._look_after()

    def run(self) -> None:
        """Look after the children until a signal asks us to stop. Raises Problem when a child keeps dying."""
        with contextlib.suppress(StopRequested):
            while True:
                self.wait(HOUSEKEEPING)

    def stop(self) -> None:
        """Stop all children, the youngest first, each having ended before the next is asked; by force when the time is up."""
        deadline = time.monotonic() + STOP_SECONDS
        while self.charges:
            charge = self.charges.pop()
            spare = float(len(self.charges))  # a second for each that is still to come
            if charge.restart_at is None and not process.stop(
                charge.process, seconds=max(1.0, deadline - spare - time.monotonic())
            ):
                self.say(f"{charge.child.name} did not stop in time and was ended by force.")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self.asked_to_stop = True

    def _launch(self, child: Child) -> subprocess.Popen[bytes]:
        return process.start(child.argv, env=child.env, output=self._log(child))

    def _look_after(self) -> None:
        if self.asked_to_stop:
            raise StopRequested
        now = time.monotonic()
        for charge in self.charges:
            if charge.restart_at is None and charge.process.poll() is not None:
                self._note_death(charge, now)
            elif charge.restart_at is not None and now >= charge.restart_at:
                charge.process, charge.restart_at = self._launch(charge.child), None
        if now >= self.next_housekeeping:
            self.next_housekeeping = now + HOUSEKEEPING
            for charge in self.charges:
                shorten(self._log(charge.child))

    def _note_death(self, charge: Charge, now: float) -> None:
        process.end_group(charge.process)  # its own children must not meet their successors
        charge.deaths.append(now)
        while charge.deaths[0] < now - DEATH_WINDOW:
            charge.deaths.popleft()
        count = len(charge.deaths)
        pause = FIRST_PAUSE * 2 ** (count - 1)
        charge.restart_at = now + pause
        ended = f"{charge.child.name} ended unexpectedly ({outcome(charge.process.returncode)})"
        words = self._last_words(charge.child)
        if count >= DEATHS_TO_GIVE_UP:
            raise Problem(f"{ended}, {count} times within a minute. Giving up.\n{words}")
        self.say(f"{ended}. Starting it again in {pause:.1f} s.\n{words}")

    def _log(self, child: Child) -> Path:
        return self.logs / f"{child.name}.log"

    def _last_words(self, child: Child) -> str:
        log = self._log(child)
        return f"  The end of {log}:\n{process.tail(log)}"


def outcome(code: int) -> str:
    """An exit code in words: "code 3" or "signal SIGKILL"."""
    return f"code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def shorten(log: Path, *, largest: int = LARGEST_LOG) -> None:
    """Move the content of an overgrown log to NAME.log.1. The writer keeps its open file, so the log is emptied, not renamed."""
    if log.exists() and log.stat().st_size > largest:
        log.with_name(f"{log.name}.1").write_bytes(log.read_bytes())
        os.truncate(log, 0)
