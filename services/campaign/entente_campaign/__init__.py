"""Brands, campaigns with their objective, and the collaborations of creators in them."""
