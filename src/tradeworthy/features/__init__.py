"""Feature definitions, their graph and the fingerprints that bind a model to them."""
