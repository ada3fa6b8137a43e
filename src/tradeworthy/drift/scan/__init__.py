"""One scan of a model: what it compares, and what it reports."""
