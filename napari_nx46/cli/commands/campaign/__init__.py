"""The commands below `nx46 campaign`."""
