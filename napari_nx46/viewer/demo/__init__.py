"""The demonstration: a calibration by real Qt events."""
