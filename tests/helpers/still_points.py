"""Evidence on points that stand still."""

import numpy as np

from labcut3d.reconstruction.evidence import Evidence
from labcut3d.synthetic_rig import make_rig

__all__ = ["scene"]


def scene(rng: np.random.Generator, moments: int = 400) -> tuple[Evidence, np.ndarray]:
    """Two keypoints that stand still, seen with 1 px of noise."""
    rig = make_rig(3, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    points = np.repeat(middle + rng.uniform(-20, 20, (2, 1, 3)), moments, axis=1)
    pixels = rig.project(points)
    root = rng.normal(size=(*pixels.shape, 2))
    evidence = Evidence(
        rig=rig,
        pixels=pixels + rng.normal(0, 1, pixels.shape),
        information=root @ np.swapaxes(root, -1, -2) + np.eye(2),
        confidence=rng.uniform(0.2, 1.0, pixels.shape[:-1]),
        share=np.zeros(pixels.shape),
        stated=True,
    )
    return evidence, points
