"""Which program this is."""

import tomllib
from pathlib import Path

from meetadmin import version

ROOT = Path(__file__).resolve().parents[2]


def test_the_number_is_the_one_of_the_project():
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == version.NUMBER


def test_any_change_of_the_code_changes_the_version(tmp_path):
    for folder in ("meetadmin", "spaces"):
        (tmp_path / folder).mkdir()
    file = tmp_path / "spaces" / "a.py"
    file.write_text("x = 1")
    first = version.version(tmp_path)
    assert first == version.version(tmp_path)
    file.write_text("x = 2")
    second = version.version(tmp_path)
    file.rename(tmp_path / "spaces" / "b.py")
    assert len({first, second, version.version(tmp_path)}) == 3
    assert first.startswith(version.NUMBER)
