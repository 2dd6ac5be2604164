"""The two views of the Google sign-in, on our adapter."""

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView

from spaces.signin.provider import GoogleAdapter
from spaces.views.lanes import calls_google

oauth2_login = OAuth2LoginView.adapter_view(GoogleAdapter)
oauth2_callback = calls_google(methods=("GET",))(OAuth2CallbackView.adapter_view(GoogleAdapter))
