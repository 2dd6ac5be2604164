"""Starting and stopping child processes, and waiting for them with a deadline."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TETHER = Path(__file__).with_name("tether.py")


class Problem(Exception):
    """Something the person at the terminal can act on. Its text is all they get to see."""


def tethered(
    argv: Sequence[str | Path], *, farewell: signal.Signals = signal.SIGTERM, user: str | None = None
) -> list[str]:
    """The command line that runs `argv` so that it gets `farewell` when this process vanishes; as `user` if given (needs root)."""
    tether = [sys.executable, "-I", "-S", TETHER, str(os.getpid()), str(int(farewell)), user or "-"]
    return [str(part) for part in (*tether, *argv)]


def start(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    output: Path | None = None,
    user: str | None = None,
    farewell: signal.Signals = signal.SIGTERM,
    cwd: Path = ROOT,
) -> subprocess.Popen[bytes]:
    """Start a command that ends when we do, however we end.

    Its output is appended to the file `output`, or thrown away. It gets a process group of its own, so that Ctrl-C in the terminal
    reaches only us and we decide the order of stopping. `farewell` is sent to it when we vanish; `user` runs it as somebody else
    (needs root).
    """
    with open(output or os.devnull, "ab") as log:
        return subprocess.Popen(
            tethered(argv, farewell=farewell, user=user),
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=cwd,
            start_new_session=True,
        )


def stop(
    process: subprocess.Popen[bytes], *, seconds: float, farewell: signal.Signals = signal.SIGTERM
) -> bool:
    """Ask a process started here to end, wait up to `seconds`, then end its whole group by force. True if it went by itself."""
    willing = True
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(farewell)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        willing = False
    end_group(process)
    process.wait()
    return willing


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End by force whatever is left of the process group that `process` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def wait_until(
    check: Callable[[], bool], *, seconds: float, what: str, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Wait until `check` is true. Raises Problem naming `what` after `seconds`, or at once when `process` has ended."""
    deadline = time.monotonic() + seconds
    while not check():
        if process is not None and process.poll() is not None:
            raise Problem(f"{what} did not start: it ended with code {process.returncode}.")
        if time.monotonic() > deadline:
            raise Problem(f"{what} was not ready after {seconds:.0f} seconds.")
        time.sleep(0.02)


def tail(log: Path, *, lines: int = 12) -> str:
    """The last lines of a log file, indented, for showing in a message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
