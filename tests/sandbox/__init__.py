"""A stand-in for the issuers: a separate HTTP server for demos and tests that the product never imports.

`server.py` starts it, `stripe/urls.py` and `marqeta/urls.py` list what it speaks, and `control.py` tells it
to misbehave; tests use `running.running_sandbox`.
"""
