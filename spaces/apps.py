"""The application's entry in INSTALLED_APPS."""

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import import_string

from spaces import messages, registry
from spaces.google import network
from spaces.message import Message


class SpacesConfig(AppConfig):
    name = "spaces"
    verbose_name = "Rooms and spaces"

    def ready(self) -> None:
        """Give messages their sentences, set the way out to Google, and register the core's consumer of domain events."""
        Message.renderer = messages.render
        network.use(settings.NETWORK)
        # Named, because it needs models, which do not exist yet when this module is imported.
        registry.consumers["log"] = import_string("spaces.outbox.log_events")
