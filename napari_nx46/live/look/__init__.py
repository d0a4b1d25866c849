"""What is looked at beside the displayed slice: three views, what is at a voxel, bookmarks."""
