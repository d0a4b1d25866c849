"""The dock of campaigns: many settings over all fragments, watched as they come."""
