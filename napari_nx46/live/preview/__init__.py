"""What is shown before the exact mask is known."""
