"""What every board checks about itself: counts, lengths, and the dictionary of its markers."""

import numpy as np

from calibration.errors import BoardError

__all__ = ["DICTIONARIES", "check_length", "check_markers", "check_squares"]

DICTIONARIES = {
    **{f"DICT_{n}X{n}_{size}": size for n in (4, 5, 6, 7) for size in (50, 100, 250, 1000)},
    "DICT_ARUCO_ORIGINAL": 1024,
    "DICT_ARUCO_MIP_36h12": 250,
    "DICT_APRILTAG_16h5": 30,
    "DICT_APRILTAG_25h9": 35,
    "DICT_APRILTAG_36h10": 2320,
    "DICT_APRILTAG_36h11": 587,
}
"""OpenCV's marker dictionaries and how many markers each has."""

MOST_SQUARES = 200  # along one side; more is a typing error
LONGEST = 1e6  # of any unit; more is a typing error


def check_squares(squares_x: object, squares_y: object, what: str) -> None:
    """Refuse counts that are no whole numbers, or too small to give a pose."""
    for name, value in (("squares_x", squares_x), ("squares_y", squares_y)):
        if type(value) is not int or not 2 < value <= MOST_SQUARES:
            raise BoardError(
                f"{name} = {value!r}: a {what} needs a whole number from 3 to {MOST_SQUARES}"
            )


def check_length(value: object, name: str) -> None:
    """Refuse a length that is not a positive finite number, or absurd in any unit."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else np.nan
    if not 1 / LONGEST < number < LONGEST:
        raise BoardError(
            f"{name} = {value!r} must be a positive length, at most {LONGEST:g} of the board's unit"
        )


def check_markers(dictionary: object, first: object, last: object) -> None:
    """Refuse a dictionary that is not known, or that lacks the markers numbered first to last."""
    if not isinstance(dictionary, str) or dictionary not in DICTIONARIES:
        raise BoardError(
            f"dictionary = {dictionary!r} is not known; use one of " + ", ".join(DICTIONARIES)
        )
    size = DICTIONARIES[dictionary]
    for number in (first, last):
        if not isinstance(number, int | np.integer) or isinstance(number, bool):
            raise BoardError(f"marker {number!r}: its number in {dictionary} is a whole number")
        if not 0 <= number < size:
            raise BoardError(
                f"marker {number} is not in {dictionary}, which has only {size}: 0 to {size - 1}"
            )
