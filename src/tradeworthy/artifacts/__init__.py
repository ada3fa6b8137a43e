"""From the bytes of a model file to predictions, checked before any library sees them."""
