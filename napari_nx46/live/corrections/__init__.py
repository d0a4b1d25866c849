"""What a user corrects by hand in a session."""
