from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "onecard.users"
    label = "users"
