"""Imported before any model: Django as the environment describes it (the environment is made by benchmarks.stage)."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()
