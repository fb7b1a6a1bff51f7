"""Joining and logging in in the browser. Each step asks the API's own operation (onecard/api/auth)."""
