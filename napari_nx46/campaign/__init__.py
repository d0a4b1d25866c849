"""Many settings over many fragments: what to run, running it, judging and reporting it."""
