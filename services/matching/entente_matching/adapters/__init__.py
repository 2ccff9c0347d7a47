"""How matching is kept and told of."""
