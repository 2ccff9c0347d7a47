"""The database kinds, the public events and the click journal."""
