"""The score of a fragment: volumes smoothed, averaged and blended."""
