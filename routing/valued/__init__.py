"""Strategy `value` in the product: the wallet, terms and spend that it decides on, and its trace (decisions/0064)."""
