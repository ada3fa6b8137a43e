"""How surprising a shift is, from a feature's own past or from independent draws."""
