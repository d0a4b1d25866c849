"""One setting applied to one or more fragments, written with its metrics.

A room of its own above `core`, `files` and `fragments`: the command line, the window and campaigns
all write their masks through it.
"""
