"""The dock that looks for the best setting."""
