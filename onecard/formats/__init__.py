"""How each language of the back office writes dates and numbers (Django's FORMAT_MODULE_PATH)."""
