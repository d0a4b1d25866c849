"""The masks that a session can show: pins, other people's, and the choice of two."""
