"""Whether each issuer knows where and how to call us: it is checked by the clock, and put right by a command."""
