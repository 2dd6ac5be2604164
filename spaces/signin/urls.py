"""Sign-in addresses: only those parts of allauth that we use."""

from allauth.account import views as account
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns
from django.urls import path

from spaces.signin.provider import GoogleProvider

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("error/", social.login_error, name="socialaccount_login_error"),
    *default_urlpatterns(GoogleProvider),
]
