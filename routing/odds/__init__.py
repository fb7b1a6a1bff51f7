"""Likelihood to pay in the product: outcomes of the wallet's charges, the odds kept for decisions (decisions/0067)."""
