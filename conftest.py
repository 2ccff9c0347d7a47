"""Settings of all tests."""

from hypothesis import settings

# How long an example takes says nothing on a shared machine; performance has its own place (`make bench`).
settings.register_profile("entente", deadline=None, print_blob=True)
settings.load_profile("entente")
