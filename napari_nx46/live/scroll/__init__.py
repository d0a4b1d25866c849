"""Stores larger than memory behind the window: levels, a map, and boxes on it."""
