"""The database backend of the settings: Django's for PostgreSQL, and no number is ever cut off on its way there."""
