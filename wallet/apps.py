from django.apps import AppConfig
from django.core import checks


class WalletConfig(AppConfig):
    name = "wallet"

    def ready(self) -> None:
        """Registers the check of time zones and the handler of refunds that staff enter."""
        from wallet.casework import entered_refunds
        from wallet.checks import unknown_time_zones

        checks.register(unknown_time_zones)
        entered_refunds.install()
