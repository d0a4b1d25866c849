"""The published settings: a table of every knob each, with its source and its figures."""
