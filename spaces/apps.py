"""The application's entry in INSTALLED_APPS."""

from django.apps import AppConfig


class SpacesConfig(AppConfig):
    name = "spaces"
    verbose_name = "Rooms and spaces"
