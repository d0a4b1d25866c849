"""The session of a viewer, its docks and its keys."""
