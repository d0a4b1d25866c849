"""How the window lives with Qt: its thread, timers, garbage and displays."""
