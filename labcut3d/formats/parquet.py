"""A dataset as a tidy table in an Apache Parquet file, through pyarrow.

The columns are those of the tidy .csv, in full precision; the dataset's attributes (fps, unit,
provenance) go into the file's metadata, where pandas finds them as `table.attrs`.
"""

import json
import os
from pathlib import Path

import numpy as np

from calibration.files import atomic_write, require_regular_file
from labcut3d.errors import FileFormatError
from labcut3d.formats.exported import Export
from labcut3d.formats.extras import require
from labcut3d.formats.points import Points3d
from labcut3d.formats.tidy_table import points_of, tidy_table

__all__ = ["read_parquet", "write_parquet"]

WHAT = "Parquet files"
KEY = b"labcut3d"  # of the file's metadata
PANDAS_KEY = b"PANDAS_ATTRS"  # where pandas looks for a table's attributes
LARGEST = 2**29  # cells


def write_parquet(export: Export, path: str | os.PathLike[str]) -> None:
    """Write a tidy table of trajectories or detections."""
    arrow, parquet = (
        require("pyarrow", "parquet", WHAT),
        require("pyarrow.parquet", "parquet", WHAT),
    )
    attributes = {
        str(name): value.tolist() if isinstance(value, np.generic | np.ndarray) else value
        for name, value in export.dataset.attrs.items()
    }
    content = arrow.Table.from_pandas(tidy_table(export.dataset), preserve_index=False)
    text = json.dumps(attributes).encode()
    content = content.replace_schema_metadata(
        {**(content.schema.metadata or {}), KEY: text, PANDAS_KEY: text}
    )
    with atomic_write(path) as temporary:
        parquet.write_table(content, temporary)


def read_parquet(path: str | os.PathLike[str]) -> Points3d:
    """Read a tidy table of trajectories; raises `FileFormatError` naming what is wrong."""
    path = require_regular_file(path)
    parquet = require("pyarrow.parquet", "parquet", WHAT)
    try:
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows * file.metadata.num_columns > LARGEST:
                raise FileFormatError(f"{path}: claims {file.metadata.num_rows} rows; broken?")
            metadata = file.schema_arrow.metadata or {}
            stored = file.read()
            stored.validate(full=True)  # texts that are none are told here, not where they are used
            table = stored.to_pandas(ignore_metadata=True)
        fps = json.loads(metadata[KEY])["fps"] if KEY in metadata else None
        table.attrs = {} if fps is None else {"fps": float(fps)}
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, RuntimeError) as error:
        raise FileFormatError(f"{path}: not a readable Parquet file ({error})") from error
    return points_of(table, Path(path))
