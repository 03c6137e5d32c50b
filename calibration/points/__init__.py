"""Triangulation, compiled: one point at a time, with the views that agree on it."""
