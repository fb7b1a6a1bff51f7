"""The cardholder's own pages in the browser: the same domain calls as the frontend API, rendered by the server."""
