"""Clean-up that treats one sheet at a time, as the first-place solution does."""
