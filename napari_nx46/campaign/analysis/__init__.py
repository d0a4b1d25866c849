"""What drove the figures of a campaign: numbers in, numbers out, nothing is drawn or written."""
