"""Rigs of other programs, read and written: one file a format, and the registry of them all."""
