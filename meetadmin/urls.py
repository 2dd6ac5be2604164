"""All addresses: sign-in under /accounts/, those of the slices, and those of the core."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("spaces.signin.urls")),
    path("", include("meetadmin.monitoring.urls")),
    path("", include("spaces.urls")),
]
handler400 = "spaces.views.problems.bad_request"
handler403 = "spaces.views.problems.forbidden"
handler404 = "spaces.views.problems.not_found"
handler500 = "spaces.views.problems.server_error"
