"""The certain and the uncertain among connections that fail."""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from spaces.google import errors, transport
from tests.spaces.google.misbehaving import CLOSE, Misbehaving, http


@pytest.fixture
def strange_certificate(tmp_path) -> Iterator[str]:
    """The address of a TLS server whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    thread.join(10)


def send(url: str, *, write: bool = False, timeout: float = 2):
    return transport.send("POST" if write else "GET", url, timeout=timeout, write=write)


def test_a_false_certificate_stops_a_write_before_it_is_sent(strange_certificate):
    with pytest.raises(errors.Unreachable) as problem:
        send(strange_certificate, write=True)
    assert "CERTIFICATE" in problem.value.detail


def test_a_connection_that_ends_while_shaking_hands_leaves_a_write_open():
    with Misbehaving([CLOSE]) as server, pytest.raises(errors.TryLater) as problem:
        send(server.url.replace("http:", "https:"), write=True)
    assert not isinstance(problem.value, errors.Unreachable)


def test_an_address_without_a_host_reaches_nobody():
    with pytest.raises(errors.Unreachable):
        send("http://", write=True)


def test_an_answer_is_handed_over_whatever_its_status():
    with Misbehaving([http(418, {"error": {"status": "TEAPOT"}}, "Retry-After: 3")]) as server:
        response = send(server.url, write=True)
    assert not response.is_good
    answer = response.answer()
    assert (answer.code, answer.status, answer.retry_after) == (418, "TEAPOT", 3)
