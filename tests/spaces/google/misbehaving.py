"""A server that answers with exactly the bytes it is told to, for answers that no well-behaved stand-in sends."""

import json
import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

HANG = b"<hang>"
RESET = b"<reset>"
CLOSE = b""


@dataclass
class Received:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Misbehaving:
    """Gives each request the next of its answers, the last one again and again, and closes the connection."""

    answers: list[bytes] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    drip: float | None = None  # seconds between single bytes that follow the answer, without an end

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._released = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        if self.tls:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:  # the other side did not like the certificate
                connection.close()
                return
        with connection, connection.makefile("rb") as reader:
            first = reader.readline().decode("latin-1").split()
            if len(first) < 2:
                return
            headers = {}
            while line := reader.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            body = reader.read(int(headers.get("content-length") or 0))
            self.requests.append(Received(first[0], first[1], headers, body))
            answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
            if answer == HANG:
                self._released.wait(30)
            elif answer == RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.sendall(answer)
                if self.drip:
                    self._drip(connection, self.drip)

    def _drip(self, connection: socket.socket, pause: float) -> None:
        with suppress(OSError):
            while not self._released.wait(pause):
                connection.sendall(b" ")


def http(status: int, body: bytes | str | object = b"", *headers: str, length: int | None = None) -> bytes:
    """The bytes of an answer; anything but bytes and text is sent as JSON."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(body) if length is None else length}",
        "Connection: close",
    ]
    return "\r\n".join([*head, *headers, "", ""]).encode() + body


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
