"""The back office's own pages: those about a person or about everything, where the admin's are about one table."""
