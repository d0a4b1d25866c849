"""A session's history, and keeping it in a workspace."""
