"""The kept runs of a workspace, and whether one is better than the baseline."""
