"""The process that fetches events ends when it is told to; what it does is in test_tasks."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from embedded.process import ROOT
from tests.support.push import PULL, TOPIC, Puller


def test_it_ends_at_once_while_it_waits_for_events(google, tmp_path: Path):
    """By itself, not by the signal's default: as the first process of a container it would otherwise be killed ten seconds later."""
    Puller(google)
    key = tmp_path / "key.json"
    key.write_text(json.dumps(google.control("GET", "service-account")))
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "meetadmin.settings",
        "GOOGLE_SERVICE_ACCOUNT_FILE": str(key),
        "MEETADMIN_PUSH_PULL": "1",
        "MEETADMIN_PUSH_TOPIC": TOPIC,
        "MEETADMIN_PUSH_SUBSCRIPTIONS": PULL,
        "PYTHONUNBUFFERED": "1",
    }
    argv = [sys.executable, "manage.py", "pull_events"]
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as fetching:
        assert fetching.stdout is not None
        line = fetching.stdout.readline()
        fetching.send_signal(signal.SIGTERM)
        assert fetching.wait(5) == 0
    assert line == f"Fetching events from {PULL}.\n"
