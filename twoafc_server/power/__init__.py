"""What a planned design can detect, and how often its interval holds."""
