"""Conversations, notifications, templates and contacts: pure rules, no I/O."""
