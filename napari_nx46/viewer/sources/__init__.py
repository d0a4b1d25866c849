"""Layers that the user brings: which volumes they are, where they lie, and following them."""
