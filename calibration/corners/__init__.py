"""Images of a board -> its corners, to a few hundredths of a pixel."""
