"""The session behind the widgets: it knows settings, fragments and masks, and no Qt."""
