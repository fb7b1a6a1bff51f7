"""The part of the sandbox that is shaped like Marqeta's Core API; `urls.py` lists what it speaks."""
