"""What the window says: errors and notices, in plain text."""
