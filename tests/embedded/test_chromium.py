import os

import pytest

from embedded import chromium
from embedded.process import Problem


def program(folder, name):
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return str(path)


def test_the_environment_wins_over_the_path(tmp_path, monkeypatch):
    on_path, chosen = program(tmp_path, "chromium"), program(tmp_path, "my-chromium")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert chromium.find() == on_path
    monkeypatch.setenv("CHROMIUM", chosen)
    assert chromium.find() == chosen


def test_a_wrong_choice_is_explained(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(Problem, match="CHROMIUM is set to /nowhere/chromium"):
        chromium.ensure()


def test_no_browser_and_no_way_to_get_one_fails_loudly(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(Problem, match="NO BROWSER"):
        chromium.ensure()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is offered apt-get")
def test_a_failing_installation_is_explained(tmp_path, monkeypatch):
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho the archive is closed on Sundays\nexit 100\n")
    (tmp_path / "apt-get").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(Problem, match=r"apt-get update failed(.|\n)*Sundays"):
        chromium.ensure()
