import stat

import pytest
import redis

from embedded import broker
from embedded.process import Problem


@pytest.fixture
def short_folder(tmp_path_factory):
    """A folder whose path leaves room for a socket's name, which pytest's own folders do not always."""
    return tmp_path_factory.mktemp("b")


def test_it_answers_on_a_private_socket_and_stops(short_folder):
    with broker.start(short_folder) as server:
        with redis.Redis.from_url(server.url(database=3)) as client:
            assert client.ping()
            assert client.get_connection_kwargs()["db"] == 3
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert stat.S_IMODE(short_folder.stat().st_mode) == 0o700
    assert server.process.poll() is not None
    assert not broker.answers(short_folder)


def test_what_was_written_durably_is_there_after_a_restart(short_folder):
    with broker.start(short_folder, durable=True) as server, redis.Redis.from_url(server.url()) as client:
        client.set("room", "3.14")
    with broker.start(short_folder, durable=True) as server, redis.Redis.from_url(server.url()) as client:
        assert client.get("room") == b"3.14"


def test_too_long_a_path_is_explained_before_anything_starts(tmp_path):
    deep = tmp_path / ("x" * 120)
    with pytest.raises(Problem, match="MEETADMIN_STATE_DIR"):
        broker.command(deep)
    assert not deep.exists()


def test_an_installed_server_is_preferred_to_the_bundled_one(tmp_path, monkeypatch):
    bundled = broker.binary()
    installed = tmp_path / "valkey-server"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker.binary() == str(installed) != bundled


def test_a_server_that_dies_at_once_is_explained_with_its_last_words(tmp_path, monkeypatch, short_folder):
    broken = tmp_path / "valkey-server"
    broken.write_text("#!/bin/sh\necho no room left in this teapot\nexit 3\n")
    broken.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Problem, match=r"code 3(.|\n)*teapot"):
        broker.start(short_folder)
