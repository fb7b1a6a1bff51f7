"""Takes old months out of the database and into files (docs/decisions/0051)."""
