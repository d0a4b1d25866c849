"""What is to be made of which store, and which of its tiles there is anything to compute of."""
