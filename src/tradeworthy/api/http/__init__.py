"""How a request is checked and an error answered, the same on every route."""
