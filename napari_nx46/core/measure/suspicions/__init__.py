"""Places of a mask that are worth a look where no label says what is wrong."""
