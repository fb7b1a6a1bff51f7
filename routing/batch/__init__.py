"""`manage.py route_batch`: decides purchases from a file by the product's own engine, for wallets from a file."""
