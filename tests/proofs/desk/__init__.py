"""The proof of the back office: every page of it over a database with a million purchases."""
