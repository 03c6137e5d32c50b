"""From board videos to calibrated 3-D kinematics, for any number of cameras.

    import labcut3d as lc
    project = lc.load_project("my-project")
    trajectories = lc.open_dataset("my-project/results/walk/trajectories.nc")
    lc.view(trajectories)  # in a notebook: a figure with a slider

The stages, as functions, are in `labcut3d.pipeline`.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from labcut3d.lazy import load_lazily
from labcut3d.version import __version__

if TYPE_CHECKING:
    from labcut3d.errors import Labcut3dError
    from labcut3d.project import Project, load_project
    from labcut3d.schema import open_dataset, save_dataset
    from labcut3d.template import new_project
    from labcut3d.viewers.animated_figure import view

__all__ = [
    "Labcut3dError",
    "Project",
    "__version__",
    "load_project",
    "new_project",
    "open_dataset",
    "save_dataset",
    "view",
]

__getattr__, __dir__ = load_lazily(
    __name__,
    {
        "Labcut3dError": "labcut3d.errors",
        "__version__": "labcut3d.version",
        "Project": "labcut3d.project",
        "load_project": "labcut3d.project",
        "new_project": "labcut3d.template",
        "open_dataset": "labcut3d.schema",
        "save_dataset": "labcut3d.schema",
        "view": "labcut3d.viewers.animated_figure",
    },
)


def _require_own_calibration() -> None:
    """Name the file that shadows our package `calibration`, a common name in a lab."""
    spec = find_spec("calibration")
    own = Path(__file__).resolve().parents[1] / "calibration" / "__init__.py"
    if spec is None or spec.origin is None or Path(spec.origin).resolve() != own:
        found = None if spec is None else spec.origin or list(spec.submodule_search_locations or ())
        raise ImportError(
            f"labcut3d needs its own package 'calibration' ({own}), but Python finds {found}; "
            "rename that file or folder, or run Python from another folder"
        )


_require_own_calibration()
