"""The lens models that a calibration chooses from, from the simplest to the richest.

Even the simplest has the tangential terms p1, p2. No lens is centred perfectly, and where they are
left out the principal point moves to make up for it, by many of its stated standard deviations,
although the images look no worse.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from calibration.camera import Camera
from calibration.lens import FISHEYE_NAMES, Lens, LensKind
from calibration.solver.parameters import INTRINSICS

__all__ = ["DEFAULT_MODEL", "LENS_MODELS", "LENS_NAMES", "LensModel", "lens_model", "with_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LensModel:
    """A lens model: `size` coefficients are stored, of which those named in `terms` are fitted.

    Those in `vague` are hardly determined by most images: they are held to zero by a Gaussian
    prior of standard deviation one, which is much for any lens, and the lens as a whole to its
    continuation beyond the corners seen (see `lens_prior`).
    """

    name: str
    terms: tuple[str, ...]
    size: int = 5
    kind: LensKind = "opencv"
    vague: tuple[str, ...] = ()

    @property
    def free(self) -> Collection[str]:
        """The names of all intrinsic parameters that are fitted."""
        return (*INTRINSICS, *self.terms)


_FIVE = ("k1", "k2", "p1", "p2", "k3")
_RATIONAL = (*_FIVE, "k4", "k5", "k6")
_PRISM = (*_RATIONAL, "s1", "s2", "s3", "s4")

LENS_MODELS = (
    LensModel(name="k1 k2 p1 p2", terms=_FIVE[:4]),
    LensModel(name="k1 k2 p1 p2 k3", terms=_FIVE),
    LensModel(name="rational", terms=_RATIONAL, size=8, vague=_RATIONAL[5:]),
    LensModel(name="thin prism", terms=_PRISM, size=12, vague=_RATIONAL[5:]),
    LensModel(name="fisheye", terms=FISHEYE_NAMES, size=4, kind="fisheye", vague=FISHEYE_NAMES[2:]),
)
DEFAULT_MODEL = LENS_MODELS[0]
LENS_NAMES = tuple(model.name for model in LENS_MODELS)


def lens_model(name: str) -> LensModel:
    """Return the model called `name`; raises `KeyError` where there is none."""
    return {model.name: model for model in LENS_MODELS}[name]


def with_model(camera: Camera, model: LensModel) -> Camera:
    """Return a camera whose lens is of a model, starting from what it had.

    Coefficients that the model does not fit become zero; an OpenCV lens and a fisheye start from
    each other's third-order term, since tan a = a + a^3 / 3 + ...
    """
    known = dict(zip(camera.lens.names, camera.distortions, strict=True))
    if camera.lens.model != model.kind:
        sign = 1 if model.kind == "fisheye" else -1
        known = {"k1": known.get("k1", 0.0) + sign / 3}
    empty = Lens(distortions=np.zeros(model.size), model=model.kind)
    values = np.array(
        [known.get(name, 0.0) if name in model.terms else 0.0 for name in empty.names]
    )
    return replace(camera, lens=Lens(distortions=values, model=model.kind))
