"""What was corrected by hand, in the tables of a workspace."""
