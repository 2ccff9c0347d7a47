"""What connects the rules to the store, to the wire, and to the packaged data."""
