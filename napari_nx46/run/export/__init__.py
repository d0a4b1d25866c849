"""Running settings over fragments, and what is written of it."""
