"""The part of the sandbox that is shaped like Stripe's API; `urls.py` lists what it speaks."""
