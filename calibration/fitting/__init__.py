"""Corners -> a rig: first estimates, the robust fit, the choice of lenses, what is held out."""
