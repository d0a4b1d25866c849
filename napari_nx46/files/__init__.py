"""Everything that touches a disk: volumes, masks, submissions and the checks on them."""
