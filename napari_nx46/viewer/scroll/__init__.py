"""The dock for stores larger than memory: a map, boxes on it, and the setting applied to all."""
