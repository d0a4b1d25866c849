"""Looking: 3D, three views with one cursor, what is under the mouse, bookmarks, pictures."""
