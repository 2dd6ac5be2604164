"""The places at which slices add to a page."""

from django import template
from django.template.context import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString

from spaces import registry

register = template.Library()


@register.simple_tag(takes_context=True)
def fragments(context: Context, place: registry.Place) -> SafeString:
    """Return what slices show at this place; empty when there is nothing to show."""
    templates = [get_template(name).template for name in registry.fragments(place)]  # type: ignore[attr-defined]
    return SafeString("".join(each.render(context) for each in templates).strip())
