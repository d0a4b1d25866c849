"""A search for the best setting, behind the window."""
