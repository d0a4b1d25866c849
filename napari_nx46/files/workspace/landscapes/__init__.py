"""Scores over one or two knobs, as a workspace keeps them."""
