"""What settings are worth: their figures on octants and fragments, computed once and kept."""
