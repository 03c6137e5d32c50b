"""What a dataset of the `contract` must hold, the first difference told in words."""

import numpy as np
import xarray as xr

from labcut3d.contract import Kind
from labcut3d.errors import DatasetError

__all__ = ["require_rate", "source_of", "validate"]

TOGETHER = 16_384  # moments looked at together: those of a file need not all be in memory


def validate(dataset: xr.Dataset, kind: Kind) -> xr.Dataset:
    """Compare a dataset with its kind, naming the first difference."""
    where = source_of(dataset)
    for name in kind.attributes:
        if name not in dataset.attrs:
            raise DatasetError(f"{where}: {kind.name} need an attribute '{name}'")
    require_rate(dataset.attrs["fps"], where)
    _validate_variables(dataset, kind, where)
    for name in kind.coords:
        if name not in dataset.coords:
            raise DatasetError(f"{where}: {kind.name} need a coordinate '{name}'")
        if name != "time" and not dataset.indexes[name].is_unique:
            raise DatasetError(f"{where}: coordinate '{name}' has a label twice")
        if dataset.sizes[name] == 0:
            raise DatasetError(f"{where}: '{name}' is empty; there is nothing in this dataset")
    _validate_values(dataset, where)
    space = tuple(str(label) for label in dataset["space"].values)
    if space != kind.space:
        raise DatasetError(f"{where}: 'space' is {space}; {kind.name} have {kind.space}")
    return dataset


def require_rate(fps: float, where: str) -> None:
    """Refuse a number of frames a second that is none."""
    if not 0 < float(fps) < np.inf:
        raise DatasetError(f"{where}: attribute 'fps' is {fps}; it must be a positive number")


def _validate_variables(dataset: xr.Dataset, kind: Kind, where: str) -> None:
    """Refuse missing variables and such with other dimensions or types."""
    for name, variable in kind.variables.items():
        if name not in dataset.data_vars:
            if variable.required:
                raise DatasetError(f"{where}: {kind.name} need a variable '{name}'")
            continue
        dims = tuple(str(dim) for dim in dataset[name].dims)
        if dims != variable.dims:
            raise DatasetError(f"{where}: '{name}' has dimensions {dims}, not {variable.dims}")
        if dataset[name].dtype.kind not in _acceptable(variable.dtype):
            raise DatasetError(
                f"{where}: '{name}' holds {dataset[name].dtype}, not {variable.dtype}"
            )


def _validate_values(dataset: xr.Dataset, where: str) -> None:
    """Refuse what is infinite, what no probability or variance can be, and time that goes back."""
    steps = np.diff(dataset["time"].values)
    if not (steps > 0).all() or not np.isfinite(dataset["time"].values).all():
        raise DatasetError(f"{where}: 'time' must rise from moment to moment, in finite seconds")
    for start in range(0, dataset.sizes["time"], TOGETHER):
        _validate_moments(dataset.isel(time=slice(start, start + TOGETHER)), where)


def _validate_moments(dataset: xr.Dataset, where: str) -> None:
    """Refuse values of some moments that cannot be."""
    for name in ("position", "position_raw", "covariance"):
        if name in dataset and np.isinf(dataset[name].values).any():
            raise DatasetError(f"{where}: '{name}' holds an infinite value; write NaN for missing")
    if "covariance" in dataset:
        variances = np.diagonal(dataset["covariance"].values, axis1=-2, axis2=-1)
        if (variances < 0).any():
            least = np.nanmin(variances)
            raise DatasetError(f"{where}: 'covariance' holds a variance of {least:g}, below zero")
    confidence = dataset["confidence"].values if "confidence" in dataset else np.zeros(1)
    if ((confidence < 0) | (confidence > 1)).any():
        worst = confidence[(confidence < 0) | (confidence > 1)][0]
        raise DatasetError(f"{where}: 'confidence' holds {worst:g}; it must lie between 0 and 1")


def _acceptable(dtype: str) -> str:
    """Return the numpy kinds that may stand for `dtype` (booleans come back from disk as int8)."""
    return {"f": "f", "i": "iu", "b": "biu"}[np.dtype(dtype).kind]


def source_of(dataset: xr.Dataset) -> str:
    """Return the file a dataset came from, for messages."""
    return str(dataset.encoding.get("source", "dataset"))
