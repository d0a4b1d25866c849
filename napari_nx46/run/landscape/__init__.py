"""The leaderboard score over one or two knobs, computed where it changes most."""
