"""The entente command."""
