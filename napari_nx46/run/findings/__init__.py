"""What many settings and their masks show: which knob matters, and what was gained."""
