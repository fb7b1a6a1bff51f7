"""The virtual card in the browser: asked for, activated, steered, replaced and filled."""
