"""Values that follow the sliders, computed in workers."""
