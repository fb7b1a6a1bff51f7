"""The wallet in the browser: the cards that pay, added on the processor's own page, ordered and removed."""
