"""Cameras, boards and rigs: everything geometric, nothing about animals."""
