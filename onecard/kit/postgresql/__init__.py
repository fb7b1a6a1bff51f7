"""The database backend of the settings: Django's for PostgreSQL, with the changes of base.py."""
