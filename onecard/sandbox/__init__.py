"""A stand-in for the issuer: a separate HTTP server for demos and tests that the product never imports.

`server.py` starts it, `like_stripe/urls.py` lists what it speaks and `control.py` tells it to misbehave; tests use
`running.running_sandbox`. A second issuer gets a package beside `like_stripe`.
"""
