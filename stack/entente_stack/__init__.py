"""The embedded stack: what the five services need to run on one machine, from Python packages only."""
