"""What people ask for that changes something, by topic."""
