"""Thresholds: the rules that give them, and exact quantiles."""
