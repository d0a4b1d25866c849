"""Which runs of a campaign are accepted, and which is the best."""
