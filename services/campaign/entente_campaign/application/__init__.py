"""The use cases: what changes something, what asks something, and what events and clocks bring about."""
