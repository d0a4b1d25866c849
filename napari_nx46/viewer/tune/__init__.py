"""The dock in which masks are tuned."""
