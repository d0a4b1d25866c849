"""What is taken of all that was tried, what to expect of it, and the report."""
