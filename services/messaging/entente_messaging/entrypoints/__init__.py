"""How the use cases are reached."""
