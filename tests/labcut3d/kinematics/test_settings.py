"""Settings that no signal could meet are refused."""

import pytest

from labcut3d.errors import ProjectError
from labcut3d.kinematics.settings import EventSettings


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"bend_enter_deg": float("nan")}, "bend_enter_deg is nan"),
        ({"smooth_s": 0.0}, "smooth_s is 0.0"),
        ({"rest_quantile": 1.5}, "rest_quantile is 1.5"),
        ({"bend_leave_deg": 50.0}, "bend_leave_deg"),
        ({"proboscis_leave": 0.5}, "proboscis_leave"),
        ({"egg_min_length": 3.0}, "egg_max_length"),
    ],
)
def test_impossible_values_are_refused_by_name(values, named):
    with pytest.raises(ProjectError, match=named):
        EventSettings(**values)
