"""The application's entry in INSTALLED_APPS."""

from django.apps import AppConfig
from django.conf import settings

from spaces.google import network


class SpacesConfig(AppConfig):
    name = "spaces"
    verbose_name = "Rooms and spaces"

    def ready(self) -> None:
        """Set the way out to Google before anything is asked."""
        network.use(settings.NETWORK)
