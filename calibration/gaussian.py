"""Medians of normal distributions: of one number, and of a pixel's noise, which is round.

In two dimensions the squared distance from the middle, in units of the variance of one coordinate,
is chi-square with two degrees of freedom, that is exponential with mean 2; the distance itself is
Rayleigh's.
"""

import math

__all__ = ["MAD_TO_DEVIATION", "MEDIAN_CHI_SQUARE", "MEDIAN_OF_DISTANCE"]

MEDIAN_CHI_SQUARE = 2 * math.log(2)  # of the squared distance, 1.386
MEDIAN_OF_DISTANCE = math.sqrt(MEDIAN_CHI_SQUARE)  # in standard deviations, 1.177
MAD_TO_DEVIATION = 1.4826  # from the median distance of one number from its median
