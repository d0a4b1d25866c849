"""Where the bytes of stores come from: folders, zip files, and object stores on the net."""
