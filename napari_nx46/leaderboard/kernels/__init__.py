"""The compiled loops of the leaderboard score. Importing a module in here imports numba."""
