"""Review: what creators submit, what was checked in it, and what was decided."""
