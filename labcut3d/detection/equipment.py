"""What detectors compute on and start from, as found on this machine."""

import openvino
import torch

from calibration.checks.findings import Finding
from labcut3d.compute import cores
from labcut3d.detection.encoders.efficientnet_lite import packaged_weights
from labcut3d.detection.encoders.names import PACKAGED
from labcut3d.detection.runtime import choose_device
from labcut3d.errors import DetectorError

__all__ = ["check_device", "check_weights"]


def check_device() -> Finding:
    """Tell what detectors train and run on: a GPU where torch finds one, else the processor."""
    if choose_device("auto").type == "cuda":
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        reason = f"detectors use the GPU {torch.cuda.get_device_name(0)}, {memory:.0f} GiB"
        return Finding(level="PASS", reason=reason)
    processor = openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")
    reason = f"detectors use the processor ({cores()} cores, {processor}); no GPU was found"
    if torch.version.cuda is None:
        remedy = "Nothing needs mending; with an NVIDIA GPU, install a CUDA build of torch."
    else:
        remedy = "Nothing needs mending; with an NVIDIA GPU, install or update its driver."
    return Finding(level="PASS", reason=reason, remedy=remedy)


def check_weights() -> list[Finding]:
    """Tell which of the packaged ImageNet weights are there and undamaged."""
    sound: list[str] = []
    faults: list[Finding] = []
    for name in PACKAGED:
        try:
            packaged_weights(name)
        except DetectorError as error:
            what, _, remedy = str(error).rpartition("; ")
            faults.append(Finding(level="FAIL", reason=what, remedy=remedy))
        else:
            sound.append(name)
    if sound:
        reason = f"ImageNet weights found: {', '.join(sound)}"
        return [*faults, Finding(level="PASS", reason=reason)]
    return faults
