"""Wakes whoever is on duty: rules measure, a condition opens one incident, a mail and a webhook tell of it."""
