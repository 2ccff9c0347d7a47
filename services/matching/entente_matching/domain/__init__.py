"""Creators, figures, filters and scores: pure rules."""
