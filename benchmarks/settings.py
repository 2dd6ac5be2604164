"""The product's settings with Django's own admin beside it, for comparing two lists of the same rooms. Nothing else uses this."""

from meetadmin.settings import *  # noqa: F403
from meetadmin.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "django.contrib.admin.apps.SimpleAdminConfig"]
ROOT_URLCONF = "benchmarks.urls"
