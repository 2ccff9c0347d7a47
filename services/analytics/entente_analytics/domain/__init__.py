"""The rules, pure: no I/O, no framework, no wire format."""
