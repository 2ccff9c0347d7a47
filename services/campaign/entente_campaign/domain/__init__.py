"""Pure rules: what a campaign and a collaboration may become, what they cost, and when their clocks ring."""
