"""Boards whose points are known: what they are, and the TOML files that describe them."""
