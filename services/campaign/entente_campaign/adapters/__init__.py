"""The database kinds, the public events, and the client of matching."""
