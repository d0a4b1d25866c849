"""The dock of runs: their scores, the baseline, go or no-go."""
