"""Data sets: fragments, synthetic samples, and the sample data folder."""
