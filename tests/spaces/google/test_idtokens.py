"""Google's public keys: how long they are kept, and who waits for whom."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from spaces.google import idtokens
from tests.spaces.google.misbehaving import Misbehaving, http

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    return found | {"kid": name, "alg": "RS256", "use": "sig"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("public, max-age=20000, must-revalidate, no-transform", 20_000),
        ("Max-Age=300", 300),
        ("no-cache", idtokens.KEYS_KEPT),
        ("", idtokens.KEYS_KEPT),
        ("max-age=nonsense", idtokens.KEYS_KEPT),
        ("s-maxage=7, max-age=500", 500),
        ("max-age=0", idtokens.KEYS_KEPT_AT_LEAST),
        ("max-age=999999999", idtokens.KEYS_KEPT_AT_MOST),
        ("max-age=99999999999999999999", idtokens.KEYS_KEPT),
    ],
)
def test_keys_are_kept_as_long_as_google_allows(header, seconds):
    assert idtokens._lifetime(header) == seconds


def test_keys_are_read_again_when_their_time_is_over():
    answers = [
        http(200, {"keys": [jwk("k1")]}, "Cache-Control: max-age=300"),
        http(200, {"keys": [jwk("k2")]}),
    ]
    with Misbehaving(answers) as google:
        keys = idtokens.Keys(google.url)
        assert keys.get("k1")
        assert keys.get("k1")
        assert len(google.requests) == 1
        keys._good_until = float("-inf")
        assert keys.get("k2")
        assert len(google.requests) == 2


def test_an_unknown_key_is_looked_for_once():
    with Misbehaving(
        [http(200, {"keys": [jwk("k1")]}), http(200, {"keys": [jwk("k1"), jwk("k2")]})]
    ) as google:
        keys = idtokens.Keys(google.url)
        assert keys.get("k1")
        assert keys.get("k2"), "a new key is found at once"
        assert [keys.get(f"invented-{number}") for number in range(20)] == [None] * 20
        assert len(google.requests) == 3


def test_who_signs_in_waits_for_the_keys_that_another_thread_fetches():
    begun, go_on = threading.Event(), threading.Event()

    class Slow(idtokens.Keys):
        def _fetch(self) -> None:
            begun.set()
            assert go_on.wait(30)
            self._keys = {"k1": jwt.PyJWK.from_dict(jwk("k1"))}
            self._good_until = float("inf")

    keys = Slow("http://127.0.0.1:9", timeout=30)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keys.get, "k1")
        assert begun.wait(30)
        second = pool.submit(keys.get, "k1", wait=True)
        go_on.set()
        assert first.result(timeout=30) is not None
        assert second.result(timeout=30) is not None
