"""Sheets with tunnels, replaced by a surface that is fitted to them."""
