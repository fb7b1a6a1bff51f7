"""Getting started in the browser: the profile, the terms, and the identity check."""
