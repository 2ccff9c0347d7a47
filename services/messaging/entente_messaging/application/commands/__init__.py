"""What changes something, by topic."""
