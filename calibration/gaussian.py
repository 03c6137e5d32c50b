"""Medians of a round normal distribution in two dimensions, such as a pixel's noise.

The squared distance from its middle, in units of the variance of one coordinate, is chi-square with
two degrees of freedom, that is exponential with mean 2; the distance itself is Rayleigh's.
"""

import math

__all__ = ["MEDIAN_CHI_SQUARE", "MEDIAN_OF_DISTANCE"]

MEDIAN_CHI_SQUARE = 2 * math.log(2)  # of the squared distance, 1.386
MEDIAN_OF_DISTANCE = math.sqrt(MEDIAN_CHI_SQUARE)  # in standard deviations, 1.177
