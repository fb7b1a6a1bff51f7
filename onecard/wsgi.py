"""The web server's entry point."""

import os

from django.core.wsgi import get_wsgi_application

from onecard.start import read_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onecard.settings")
read_settings()
application = get_wsgi_application()
