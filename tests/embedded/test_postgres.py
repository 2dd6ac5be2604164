import psycopg
import pytest

from embedded import postgres

pytestmark = pytest.mark.slow


def test_it_answers_knows_umlauts_and_leaves_nothing():
    with postgres.start() as server:
        with psycopg.connect(server.url) as connection:
            row = connection.execute(
                "SELECT current_database(), upper('münchen'), current_setting('listen_addresses')"
            ).fetchone()
        assert row == ("meetadmin", "MÜNCHEN", "")
    assert server.process.poll() is not None
    assert not server.folder.exists()


def test_an_open_connection_does_not_hold_up_the_end():
    with postgres.start() as server:
        connection = psycopg.connect(server.url)
    connection.close()
    assert server.process.returncode == 0
