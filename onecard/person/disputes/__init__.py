"""Disputes in the browser: opened on a purchase, with evidence, followed and withdrawn."""
