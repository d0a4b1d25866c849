"""What is known of a mask's image afterwards: receipts, checks, and seams."""
