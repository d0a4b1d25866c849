"""What a campaign is to run: matrices, grids, and checking them."""
