"""One running Meetadmin per state folder, on ports that are free, with secrets made once."""

import base64
import errno
import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.process import Problem


@contextmanager
def only_one(state: Path, *, address: str) -> Iterator[None]:
    """Hold the state folder for ourselves. Raises Problem saying where the first one runs if somebody else holds it."""
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    with (state / "instance.lock").open("a+", encoding="utf-8") as lock:
        lock.seek(0)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                first = json.loads(lock.read())
            except ValueError:  # it has the lock and has not yet said who it is
                first = {"pid": "unknown", "address": "an address it has not told yet"}
            raise Problem(
                f"Meetadmin already runs from {state}: process {first['pid']}, {first['address']}. Stop that one first (Ctrl-C in its "
                f"terminal, or kill {first['pid']}), or choose another folder with MEETADMIN_STATE_DIR and other ports."
            ) from None
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "address": address}))
        lock.flush()
        yield


def claim_port(host: str, port: int, *, variable: str, seconds: float = 3.0) -> None:
    """Make sure that nobody listens on a port. Raises Problem naming who does and the variable that chooses another.

    It waits up to `seconds` before that, because what a killed run left behind needs a moment to go.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                return
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            if error.errno == errno.EADDRINUSE:
                why = f"is taken{listener(port)}"
            else:
                why = f"cannot be used on {host} ({error.strerror})"
            raise Problem(f"Port {port} {why}. Choose another, for example {variable}={port + 1}.") from None


def listener(port: int) -> str:
    """Who listens on a TCP port, as " by NAME (process N)"; empty when that cannot be told (other users' processes, no /proc)."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        fields = [line.split() for line in lines]
        inodes |= {
            f"socket:[{row[9]}]"
            for row in fields
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port
        }
    for descriptor in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        try:
            if os.readlink(descriptor) in inodes:
                folder = descriptor.parent.parent
                return f" by {(folder / 'comm').read_text(encoding='utf-8').strip()} (process {folder.name})"
        except OSError:
            continue
    return ""


def secret_file(folder: Path, name: str, make: Callable[[], str]) -> Path:
    """The path of a secret that is made once and then kept, readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / name
    if not path.exists():
        write_private(path, make())
    return path


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, in one step, so that a crash never leaves half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    draft.replace(path)


def new_secret_key() -> str:
    """A key for Django's signatures."""
    return secrets.token_urlsafe(50)


def new_token_keys() -> str:
    """A first key for sealing stored Google tokens: its name, a colon, 256 random bits in base64."""
    return f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
