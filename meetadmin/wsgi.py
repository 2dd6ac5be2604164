"""Django's WSGI application; meetadmin.asgi serves it."""

from django.core.wsgi import get_wsgi_application

from meetadmin.start import read_settings

read_settings()
application = get_wsgi_application()
