"""Which cameras are linked with each other, directly or by way of others."""

import numpy as np

__all__ = ["connected_groups"]


def connected_groups(linked: np.ndarray) -> list[list[int]]:
    """Return the connected groups of cameras, the largest first, of a matrix (camera, camera) bool.

    Each group is in the order of the cameras; of groups alike in size the first camera's is first.
    """
    from scipy.sparse.csgraph import connected_components

    _, labels = connected_components(linked, directed=False)
    groups = [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]
    return sorted(groups, key=lambda group: (-len(group), group))
