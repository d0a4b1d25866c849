"""Which settings are tried: what may vary, what comes next, and the rounds of a search."""
