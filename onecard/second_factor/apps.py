from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class SecondFactorConfig(AppConfig):
    name = "onecard.second_factor"
    label = "second_factor"
    verbose_name = gettext_lazy("Second factors")
