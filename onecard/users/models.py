"""Who can log in: staff and the people who carry a card. Ours from the first migration, so that it can grow."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A login. A person who carries a card also has a wallet.Cardholder."""
