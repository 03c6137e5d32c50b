"""Encoding and decoding are inverse to a fraction of a pixel, and probabilities add up."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labcut3d.detection.heatmaps import decode, loss, probabilities, targets

SHAPE = (24, 32)  # cells; 96 x 128 px
inner = st.tuples(st.floats(16, 112), st.floats(16, 80))


def _maps(points: list[tuple[float, float]]) -> torch.Tensor:
    wanted = targets(torch.tensor([points]), SHAPE)
    return wanted[..., :-1].reshape(1, len(points), *SHAPE)


@settings(max_examples=50, deadline=None)
@given(st.lists(inner, min_size=1, max_size=4))
def test_decoding_undoes_encoding(points):
    decoded = decode(_maps(points))
    # 0.05 px: what a Gaussian of one cell, sampled once a cell, leaves to the window's edge.
    np.testing.assert_allclose(decoded.position[0], points, atol=0.05)
    assert (decoded.mass > 0.9).all()


def test_spread_is_that_of_the_target():
    spread = decode(_maps([(60.0, 40.0)])).spread[0, 0]
    # Within 3 %: the disc that is looked at ends at four standard deviations.
    np.testing.assert_allclose(spread, 16 * np.eye(2), rtol=0.03, atol=0.5)


def test_hidden_and_outside_labels_are_nowhere():
    points = torch.tensor([[[float("nan"), 5.0], [-3.0, 10.0], [10.0, 96.0], [10.0, 95.0]]])
    wanted = targets(points, SHAPE)
    np.testing.assert_allclose(wanted.sum(-1), 1, atol=1e-5)
    assert wanted[0, :, -1].tolist() == [1, 1, 1, 0]


def test_the_loss_is_zero_only_where_the_maps_are_right():
    wanted = targets(torch.tensor([[[50.0, 40.0], [float("nan"), float("nan")]]]), SHAPE)
    right = (wanted[..., :-1] + 1e-12).log() - (wanted[..., -1:] + 1e-12).log()
    right = right.reshape(1, 2, *SHAPE)
    assert abs(loss(right, wanted).item()) < 1e-3
    assert loss(right.flip(-1), wanted).item() > 1
    assert loss(right.flip(1), wanted).item() > 1


def test_probabilities_leave_room_for_nowhere():
    log_odds = torch.full((1, 1, *SHAPE), -100.0)
    assert probabilities(log_odds).sum() < 1e-6
    log_odds[0, 0, 3, 4] = 10.0
    decoded = decode(probabilities(log_odds))
    assert decoded.mass.item() > 0.999
    np.testing.assert_allclose(decoded.position[0, 0], [4 * 4 + 1.5, 3 * 4 + 1.5], atol=1e-3)


def test_a_detection_does_not_depend_on_its_neighbours():
    log_odds = torch.randn((3, 2, *SHAPE), generator=torch.Generator().manual_seed(0))
    together = decode(probabilities(log_odds)).position
    alone = decode(probabilities(log_odds[1:2])).position
    torch.testing.assert_close(together[1:2], alone)


def test_an_unknown_keypoint_teaches_nothing_and_a_hidden_one_does():
    points = torch.tensor([[[50.0, 40.0], [float("nan"), float("nan")], [70.0, 30.0]]])
    log_odds = torch.randn((1, 3, *SHAPE), generator=torch.Generator().manual_seed(0))
    log_odds.requires_grad_()
    known = torch.tensor([[True, True, False]])
    value = loss(log_odds, targets(points, SHAPE, known=known))
    value.backward()
    assert log_odds.grad is not None
    assert (log_odds.grad[0, :2].abs().amax((1, 2)) > 0).all()
    assert not log_odds.grad[0, 2].any()
    others = loss(log_odds[:, :2], targets(points[:, :2], SHAPE))
    torch.testing.assert_close(value, others * 2 / 3)
