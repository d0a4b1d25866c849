"""Rules by which an object is removed that take into account where it lies in its fragment."""
