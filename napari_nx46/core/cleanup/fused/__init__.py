"""Parting of sheets that are fused into one thick object."""
