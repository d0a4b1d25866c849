"""What a mask is made to be by hand, voxel by voxel, whatever the setting."""
