"""What brands and creators write to each other, and what they are told."""
