"""Points in CSV files: read exactly, and refused with the line."""

import numpy as np
import pytest

from calibration.errors import FileFormatError
from calibration.pointfiles import read_clicks, read_known_points


def test_clicks_are_sorted_by_view(tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text("view,point,x,y\nright,door,1.5,2\nleft,door,3,4\nleft,lamp,5,6\n")
    clicks = read_clicks(path, ["left", "right"])
    np.testing.assert_array_equal(clicks["door"], [[3, 4], [1.5, 2]])
    np.testing.assert_array_equal(clicks["lamp"], [[5, 6], [np.nan, np.nan]])


def test_known_points_are_read(tmp_path):
    path = tmp_path / "known.csv"
    path.write_text("point, x, y, z\ndoor, 0, 120.5, -1e1\n")
    np.testing.assert_array_equal(read_known_points(path)["door"], [0, 120.5, -10])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("view,point,x\nleft,door,1\n", "column 'y'"),
        ("view,point,x,y\nup,door,1,2\n", "line 2: view 'up'"),
        ("view,point,x,y\nleft,door,1,2\nleft,door,1,2\n", "line 3: point 'door' is clicked twice"),
        ("view,point,x,y\nleft,door,1,\n", "line 2: x = '1', y = ''; give numbers"),
        ("view,point,x,y\nleft,door,1,nan\n", "line 2: .* finite"),
        ("view,point,x,y\n", "no clicks"),
    ],
)
def test_wrong_clicks_are_refused_with_the_line(tmp_path, text, reason):
    path = tmp_path / "clicks.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=reason):
        read_clicks(path, ["left"])


def test_wrong_points_are_refused(tmp_path):
    path = tmp_path / "known.csv"
    with pytest.raises(FileFormatError, match="no such file"):
        read_known_points(path)
    path.write_text("point,x,y,z\na,1,2,3\na,1,2,3\n")
    with pytest.raises(FileFormatError, match="line 3: point 'a' is there twice"):
        read_known_points(path)
