"""All addresses: sign-in under /accounts/, everything else belongs to the application."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("spaces.signin.urls")),
    path("", include("spaces.urls")),
]
handler403 = "spaces.views.replies.forbidden"
handler404 = "spaces.views.replies.not_found"
handler500 = "spaces.views.replies.server_error"
