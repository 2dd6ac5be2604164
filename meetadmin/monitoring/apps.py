"""The slice's entry in INSTALLED_APPS, and what it adds to the pages of the core."""

from django.apps import AppConfig
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from spaces import registry


class MonitoringConfig(AppConfig):
    name = "meetadmin.monitoring"

    def ready(self) -> None:
        """Add the status line, the banners and the system page to the core's pages."""
        # Named, because it needs models, which do not exist yet when this module is imported.
        registry.contexts.append(import_string("meetadmin.monitoring.context.health_context"))
        registry.navigation.append(registry.NavigationEntry("system", _("System"), "shield", "system:see"))
        registry.add_fragment("status", "monitoring/_status.html")
        registry.add_fragment("banners", "monitoring/_problems.html")
        registry.add_fragment("empty_calls", "monitoring/_empty_calls.html")
        registry.add_fragment("accounts", "monitoring/_accounts_link.html")
        registry.add_fragment("wall_status", "monitoring/_wall_status.html")
        registry.add_fragment("wall_banners", "monitoring/_wall_problems.html")
