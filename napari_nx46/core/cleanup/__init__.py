"""The clean-up steps, from a thresholded mask to a final one."""
