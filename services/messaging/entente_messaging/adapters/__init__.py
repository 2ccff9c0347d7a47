"""What the use cases are connected to."""
