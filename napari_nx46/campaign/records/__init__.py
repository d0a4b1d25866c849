"""A campaign's results as values, and keeping them in a workspace."""
