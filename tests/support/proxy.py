"""A proxy as companies have them: CONNECT only, on loopback."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass
class ConnectProxy:
    """Leads CONNECT to the local ports in `routes`, host name to port; refuses all others with `refusal`. `seen` holds what was asked
    for, `authorizations` the Proxy-Authorization headers."""

    routes: Mapping[str, int] = field(default_factory=dict)
    refusal: str = "403 Forbidden"
    password: str = ""
    seen: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._start(self._serve, connection)

    def _start(self, work: object, *args: socket.socket) -> None:
        thread = threading.Thread(target=work, args=args)  # type: ignore[arg-type]  # one of our methods
        self._threads.append(thread)
        thread.start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(4096)
            if not part:
                return
            head += part
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
        self.seen.append(f"{method} {target}")
        self.authorizations.append(headers.get("proxy-authorization", ""))
        port = self.routes.get(target.rpartition(":")[0])
        if method != "CONNECT" or port is None:
            client.sendall(f"HTTP/1.1 {self.refusal}\r\nContent-Length: 0\r\n\r\n".encode())
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", port))
        self._open.append(server)
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._start(self._pump, server, client)
        self._pump(client, server)

    def _pump(self, source: socket.socket, drain: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(65536):
                drain.sendall(part)
        with suppress(OSError):
            drain.shutdown(socket.SHUT_WR)
