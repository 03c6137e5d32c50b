"""Labelling by hand: the labels file as it is edited, and what a rig says while one clicks.

curves.py       one click: where the point may lie in another view
agreement.py    two clicks and more: where it lies, how surely, and which click contradicts
sheet.py        labels/NAME.csv as marks that can be changed one by one
labelfiles.py   labels files on disk, changed by one writer at a time
"""
