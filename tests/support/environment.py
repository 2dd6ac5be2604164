"""The environment of a test run, set before Django reads its settings; then Django is made ready, so that what is
imported afterwards may import models.

Every pytest process gets a folder, a broker's socket and a simulator's port of its own. DATABASE_URL decides which database
the suite runs on; without it, SQLite in that folder.
"""

import atexit
import os
import shutil
import socket
import tempfile
from pathlib import Path

import django
from django.conf import settings

from embedded import broker

FOLDER = Path(tempfile.mkdtemp(prefix="meetadmin-test-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


SIMULATOR_PORT = free_port()
BROKER_FOLDER = FOLDER / "broker"
(FOLDER / "static").mkdir()

os.environ.update(
    {
        "DJANGO_SETTINGS_MODULE": "meetadmin.settings",
        "MEETADMIN_STATE_DIR": str(FOLDER),
        "MEETADMIN_STATIC_ROOT": str(FOLDER / "static"),
        "MEETADMIN_SECRET_KEY": "only-for-tests",
        "MEETADMIN_TOKEN_KEYS": "test:MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=",
        "MEETADMIN_BASE_URL": "http://127.0.0.1:8000",
        "MEETADMIN_DOMAINS": "example.com",
        "MEETADMIN_FIRST_ADMINS": "it-admin@example.com",
        "MEETADMIN_ROOM_MAILBOXES": "rooms-ber@example.com,rooms-muc@example.com",
        "MEETADMIN_GOOGLE_URL": f"http://127.0.0.1:{SIMULATOR_PORT}",
        "MEETADMIN_GOOGLE_TIMEOUT": "2",
        "MEETADMIN_LOG_LEVEL": "WARNING",
        "GOOGLE_CLIENT_ID": "meetadmin-demo.apps.googleusercontent.com",
        "GOOGLE_CLIENT_SECRET": "demo-only-client-secret",
        "REDIS_URL": broker.url(BROKER_FOLDER, database=1),
    }
)
for name in (
    "MEETADMIN_DEBUG",
    "GOOGLE_SERVICE_ACCOUNT_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
):
    os.environ.pop(name, None)

django.setup()
# Every test client makes the middleware anew, and WhiteNoise would look through all static files each time, which takes longer
# than a page does. Here it looks for a file when it is asked for one.
settings.WHITENOISE_AUTOREFRESH = True
# Not left behind for xdist's workers: with it set they would read the settings before this module could give them an
# environment of their own.
del os.environ["DJANGO_SETTINGS_MODULE"]
