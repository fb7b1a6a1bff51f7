"""What an average household in the United States buys by card: the forecast where a person's own history is short.

Our own round figures, in the proportions of public surveys of household spending; a month's dollars and the usual
ticket of each kind. They only stand in until the person's own purchases outweigh them (routing/value/forecast.py).
"""

from typing import NamedTuple

from routing.value.terms import Channel

IN, ON = Channel.IN_STORE, Channel.ONLINE

# Twelve indices of a month's spend against the average month.
SEASONS = {
    "flat": (1.0,) * 12,
    "retail": (0.85, 0.85, 0.92, 0.93, 0.97, 0.95, 0.97, 0.98, 0.94, 1.0, 1.25, 1.39),
    "travel": (0.8, 0.85, 1.0, 0.95, 1.05, 1.25, 1.3, 1.1, 0.85, 0.9, 0.95, 1.0),
    "home": (0.8, 0.8, 1.0, 1.2, 1.3, 1.2, 1.05, 1.0, 0.95, 0.95, 0.9, 0.85),
}


class Kind(NamedTuple):
    """A kind of purchase with its dollars a month, its usual ticket in dollars, and its season."""

    mcc: str
    merchant: str
    channel: Channel
    monthly: int
    ticket: int
    season: str = "flat"


KINDS = (
    Kind("5411", "Supermarket", IN, 430, 62),
    Kind("5411", "Whole Foods Market", IN, 45, 48),
    Kind("5411", "Walmart", IN, 90, 68),
    Kind("5499", "Convenience Store", IN, 25, 12),
    Kind("5411", "Instacart", ON, 20, 90),
    Kind("5300", "Costco", IN, 90, 135),
    Kind("5300", "Sam's Club", IN, 25, 110),
    Kind("5310", "Target", IN, 75, 62, "retail"),
    Kind("5812", "Restaurant", IN, 230, 46),
    Kind("5814", "Fast Food", IN, 130, 15),
    Kind("5813", "Bar", IN, 20, 38),
    Kind("5541", "Gas Station", IN, 120, 44),
    Kind("5542", "Gas Station", IN, 70, 44),
    Kind("5552", "Charging Station", IN, 8, 20),
    Kind("4121", "Ride", ON, 35, 24),
    Kind("4111", "Transit", IN, 22, 12),
    Kind("7523", "Parking", IN, 12, 14),
    Kind("4784", "Tolls", IN, 10, 18),
    Kind("5912", "Drugstore", IN, 60, 26),
    Kind("5942", "Amazon.com", ON, 170, 41, "retail"),
    Kind("5999", "Online Shop", ON, 60, 55, "retail"),
    Kind("5311", "Department Store", IN, 35, 75, "retail"),
    Kind("5311", "Department Store", ON, 15, 80, "retail"),
    Kind("5651", "Clothing Store", IN, 55, 70, "retail"),
    Kind("5651", "Clothing Store", ON, 30, 75, "retail"),
    Kind("5732", "Electronics Store", IN, 35, 180, "retail"),
    Kind("5732", "Electronics Store", ON, 20, 160, "retail"),
    Kind("5941", "Sporting Goods", IN, 20, 75, "retail"),
    Kind("5712", "Furniture", IN, 30, 320, "home"),
    Kind("5200", "Home Improvement", IN, 85, 82, "home"),
    Kind("5251", "Hardware Store", IN, 15, 35, "home"),
    Kind("3000", "Airline", ON, 75, 340, "travel"),
    Kind("4511", "Airline", ON, 40, 320, "travel"),
    Kind("7011", "Hotel", IN, 65, 260, "travel"),
    Kind("3509", "Marriott", IN, 15, 280, "travel"),
    Kind("3504", "Hilton", IN, 15, 270, "travel"),
    Kind("7512", "Car Rental", IN, 18, 240, "travel"),
    Kind("4722", "Travel Agency", ON, 15, 350, "travel"),
    Kind("4899", "Netflix", ON, 15, 16),
    Kind("5815", "Spotify", ON, 11, 11),
    Kind("4899", "Cable and Internet", ON, 75, 75),
    Kind("4814", "Mobile Phone", ON, 110, 110),
    Kind("4900", "Utility", ON, 190, 120),
    Kind("6300", "Insurance", ON, 150, 150),
    Kind("7997", "Fitness Club", ON, 35, 40),
    Kind("7832", "Cinema", IN, 12, 32),
    Kind("7922", "Concerts", ON, 25, 130),
    Kind("7996", "Park", IN, 10, 110, "travel"),
    Kind("7230", "Hair Salon", IN, 30, 55),
    Kind("8011", "Doctor", IN, 45, 90),
    Kind("8021", "Dentist", IN, 20, 160),
    Kind("7538", "Car Repair", IN, 45, 260),
    Kind("5995", "Pet Shop", IN, 30, 52),
    Kind("0742", "Vet", IN, 15, 180),
    Kind("8299", "School", ON, 30, 200),
    Kind("8398", "Charity", ON, 15, 50),
    Kind("9399", "Government", ON, 15, 90),
)

SEASON_OF = {kind.mcc: kind.season for kind in reversed(KINDS)}
