"""What happened in analytics, as it is told: the fields of the public events."""
