from django.apps import AppConfig


class SecondFactorConfig(AppConfig):
    name = "onecard.second_factor"
    label = "second_factor"
    verbose_name = "Second factors"
