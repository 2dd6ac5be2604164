"""The application's entry in INSTALLED_APPS."""

from django.apps import AppConfig
from django.conf import settings

from spaces import messages
from spaces.google import network
from spaces.message import Message


class SpacesConfig(AppConfig):
    name = "spaces"
    verbose_name = "Rooms and spaces"

    def ready(self) -> None:
        """Give messages their sentences, and set the way out to Google before anything is asked."""
        Message.renderer = messages.render
        network.use(settings.NETWORK)
