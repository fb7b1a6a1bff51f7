from django.apps import AppConfig
from django.core import checks


class WalletConfig(AppConfig):
    name = "wallet"

    def ready(self) -> None:
        from wallet.checks import unknown_time_zones

        checks.register(unknown_time_zones)
