"""Every encoder by its name, with or without what it learnt on ImageNet."""

from labcut3d.detection.encoders.efficientnet_lite import COEFFICIENTS, efficientnet_lite
from labcut3d.detection.encoders.encoder import Encoder
from labcut3d.detection.encoders.names import require_encoder

__all__ = ["new_encoder"]


def new_encoder(name: str, *, pretrained: bool = True) -> Encoder:
    """Return an encoder with its ImageNet weights, or with random ones.

    Raises `DetectorError` with the remedy where the name is not known or the weights are absent.
    """
    require_encoder(name, 0)
    if name in COEFFICIENTS:
        return efficientnet_lite(name, pretrained=pretrained)
    # Loading torchvision takes seconds, which who does not need it should not wait.
    from labcut3d.detection.encoders.torchvision_models import torchvision_encoder

    return torchvision_encoder(name, pretrained=pretrained)
