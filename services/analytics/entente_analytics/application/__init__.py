"""Use cases: commands change aggregates, queries fold them into figures."""
