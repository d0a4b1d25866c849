"""The fields of the setting, each beside the words that describe it, in the order of a mask."""
