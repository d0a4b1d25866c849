"""A search over all knobs: the best setting that a few minutes give, and how far to trust it."""
