"""Opening files and folders as lazy (Z, Y, X) volumes."""
