"""All formats that labcut3d reads or writes, in one table.

`labcut3d formats` prints it. Rigs and labels of other programs have registries of their own, in
`calibration.foreign` and `labcut3d.formats.labels`.
"""

from collections.abc import Mapping
from dataclasses import replace

from labcut3d.formats.format import Format

__all__ = ["FORMATS"]

NETCDF = Format(
    name="netcdf",
    title="labcut3d's netCDF",
    endings=(".nc",),
    reads="2-D or 3-D",
    reader="netcdf:read_netcdf",
    writes="2-D or 3-D",
    writer="netcdf:write_netcdf",
    keeps="all",
)
DEEPLABCUT = Format(
    name="deeplabcut",
    title="DeepLabCut CSV",
    endings=(".csv",),
    reads="2-D",
    reader="deeplabcut:read_deeplabcut_csv",
    writes="2-D",
    writer="deeplabcut:write_deeplabcut_csv",
    one_file_a="view",
    keeps="points, confidences",
    loses="fps, covariances",
)
SLEAP = replace(
    DEEPLABCUT,
    name="sleap",
    title="SLEAP .slp",
    endings=(".slp",),
    reader="sleap_slp:read_slp",
    writer="sleap_slp:write_slp",
    extra="sleap",
    keeps="points, confidences, bones",
)

_FORMATS = (
    NETCDF,
    replace(NETCDF, name="movement", title="movement's netCDF", writer="netcdf:write_movement"),
    Format(
        name="csv",
        title="tidy CSV",
        endings=(".csv",),
        reads="3-D",
        reader="tidy_csv:read_csv",
        writes="2-D or 3-D",
        writer="tidy_csv:write_csv",
        keeps="points (nine digits), unit, covariances, confidences, number of views",
        loses="which views, attributes",
    ),
    Format(
        name="csv-wide",
        title="wide CSV",
        endings=(".csv",),
        writes="2-D or 3-D",
        writer="wide_csv:write_wide_csv",
        keeps="points (nine digits), unit, confidences",
        loses="covariances, views, attributes",
    ),
    Format(
        name="parquet",
        title="Parquet (tidy)",
        endings=(".parquet",),
        reads="3-D",
        reader="parquet:read_parquet",
        writes="2-D or 3-D",
        writer="parquet:write_parquet",
        extra="parquet",
        keeps="points, fps, unit, covariances, confidences, number of views, attributes",
        loses="which views",
    ),
    Format(
        name="nwb",
        title="NWB with ndx-pose",
        endings=(".nwb",),
        writes="2-D or 3-D",
        writer="nwb:write_nwb",
        extra="nwb",
        keeps="points, fps, unit, covariances, confidences, skeleton, cameras, attributes",
        loses="raw points, which views",
    ),
    Format(
        name="c3d",
        title="C3D",
        endings=(".c3d",),
        writes="3-D",
        writer="c3d:write_c3d",
        extra="c3d",
        keeps="points (single precision), fps, unit (um and in become mm)",
        loses="covariances, confidences, start time",
    ),
    Format(
        name="trc",
        title="TRC (OpenSim)",
        endings=(".trc",),
        writes="3-D",
        writer="trc:write_trc",
        keeps="points (nine digits), fps, unit (um and in become mm)",
        loses="covariances, confidences",
    ),
    Format(
        name="blender",
        title="JSON for Blender",
        endings=(".json",),
        writes="3-D",
        writer="blender:write_blender",
        keeps="points, fps, unit, bones",
        loses="covariances, confidences",
    ),
    Format(
        name="anipose",
        title="Anipose 3-D CSV",
        endings=(".csv",),
        reads="3-D",
        reader="anipose:read_anipose",
        writes="3-D",
        writer="anipose:write_anipose",
        one_file_a="individual",
        keeps="points, reprojection errors, number of views, confidences",
        loses="fps, unit, covariances",
    ),
    DEEPLABCUT,
    replace(
        DEEPLABCUT,
        name="deeplabcut-h5",
        title="DeepLabCut HDF5",
        endings=(".h5",),
        reader="deeplabcut:read_deeplabcut_h5",
        writer="deeplabcut:write_deeplabcut_h5",
        extra="deeplabcut",
    ),
    replace(DEEPLABCUT, name="lightning-pose", title="Lightning Pose CSV"),
    replace(
        SLEAP,
        name="sleap-analysis",
        title="SLEAP analysis HDF5",
        endings=(".analysis.h5",),
        reader="sleap_analysis:read_sleap_analysis",
        writer="sleap_analysis:write_sleap_analysis",
        extra="",
    ),
    SLEAP,
    Format(
        name="eks",
        title="EKS CSV",
        endings=(".csv",),
        reads="2-D",
        reader="eks:read_eks",
    ),
    Format(
        name="eks-3d",
        title="EKS 3-D CSV",
        endings=(".csv",),
        reads="3-D",
        reader="eks:read_eks_3d",
    ),
    Format(
        name="jarvis",
        title="JARVIS data3D.csv",
        endings=(".csv",),
        reads="3-D",
        reader="jarvis:read_jarvis",
    ),
    Format(
        name="deepfly3d",
        title="DeepFly3D .npz",
        endings=(".npz",),
        reads="3-D",
        reader="deepfly3d:read_deepfly3d",
    ),
)

FORMATS: Mapping[str, Format] = {one.name: one for one in _FORMATS}
"""Every format by its name."""
