"""How a person protects their login: password, second factors, passkeys, and where they are logged in."""
