"""compose.yaml hands on what the settings read. Where there is no Docker nobody else would notice what is missing."""

import re
from dataclasses import fields

from embedded.process import ROOT
from spaces.google.limits import Limits

SET_BY_THE_IMAGE = {"MEETADMIN_STATE_DIR", "MEETADMIN_STATIC_ROOT"}
NOT_FOR_AN_INSTALLATION = {"MEETADMIN_DEBUG", "MEETADMIN_GOOGLE_URL"}


def test_every_variable_of_the_settings_reaches_the_containers():
    settings = (ROOT / "meetadmin" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', settings))
    read |= {f"MEETADMIN_QUOTA_{limit.name.upper()}" for limit in fields(Limits)}
    assert len(read) > 40
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    handed_on = set(re.findall(r"^ {4}([A-Z_]+?)(?:_FILE)?:", compose, re.MULTILINE)) | {
        "GOOGLE_SERVICE_ACCOUNT_FILE"
    }
    assert read - SET_BY_THE_IMAGE - NOT_FOR_AN_INSTALLATION <= handed_on
