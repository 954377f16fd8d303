"""The settings of a small Django service; all else is as Django has it."""

import os
import secrets

from sqlalchemy import make_url

_database = make_url(os.environ["PEER_DATABASE_URL"])

SECRET_KEY = secrets.token_hex()
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["rest_framework", "benchmarks.peer"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "benchmarks.peer.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.database,
        "USER": _database.username,
        "HOST": _database.query["host"],
        "PORT": _database.query["port"],
        "CONN_MAX_AGE": None,  # A thread keeps its connection.
        "ATOMIC_REQUESTS": True,
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["benchmarks.peer.access.TokenAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
