"""What the product says about itself to machines: lines of JSON, and on demand faults to Sentry and traces."""
