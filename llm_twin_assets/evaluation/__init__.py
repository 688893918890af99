"""How good a candidate is, and whether it may be released."""
