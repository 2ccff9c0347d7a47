"""Matching: the creators, the search for them, their explained fit to a brief, and shortlists."""
