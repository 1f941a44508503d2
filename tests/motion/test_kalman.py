"""The filter in closed form is the textbook filter: OpenCV's, and a plain loop over boxes."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.motion import kalman
from unbroken.motion.models import NOMINAL_RATE, sort_model, xyah_model, xysr_from_xyxy, xywh_model, xyxy_from_xysr

MODELS = {"xysr": sort_model(), "xyah": xyah_model(), "xywh": xywh_model()}
FRAME = 1 / NOMINAL_RATE
seeds = st.integers(0, 2**32 - 1)


def boxes_of(rng, count):
    corner = rng.uniform(0, 1500, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(10, 300, (count, 2))], axis=1)


def opencv_filter(model, measured):
    """OpenCV's filter of eight states in units per frame, begun as the model says."""
    peer = cv2.KalmanFilter(8, 4, 0, cv2.CV_64F)
    peer.transitionMatrix = np.block([[np.eye(4), np.eye(4)], [np.zeros((4, 4)), np.eye(4)]])
    peer.measurementMatrix = np.eye(4, 8)
    peer.statePost = np.concatenate([measured, np.zeros(4)])[:, None]
    first = np.broadcast_to(model.variances(model.initial, measured[None]), (2, 1, 4))
    peer.errorCovPost = np.diag(first.reshape(-1))
    return peer


def opencv_step(peer, model, measured):
    now = peer.statePost[:4].reshape(1, 4)
    noise = np.broadcast_to(model.variances(model.process, now), (2, 1, 4))
    peer.processNoiseCov = np.diag(noise.reshape(-1))
    predicted = peer.predict()[:4].reshape(1, 4)
    peer.measurementNoiseCov = np.diag(np.broadcast_to(model.variances(model.measurement, predicted), (1, 4))[0])
    peer.correct(measured[:, None])


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_predict_and_correct_equal_opencv(name, seed):
    model, rng = MODELS[name], np.random.default_rng(seed)
    boxes = boxes_of(rng, 3)
    moments = kalman.begin(model, model.encode(boxes))
    peers = [opencv_filter(model, row) for row in model.encode(boxes)]
    for _ in range(6):
        boxes = boxes + rng.normal(0, 3, (3, 1))
        measured = model.encode(boxes)
        moments = kalman.correct(model, kalman.predict(model, moments, FRAME), measured)
        for peer, row in zip(peers, measured, strict=True):
            opencv_step(peer, model, row)
    states = np.stack([peer.statePost[:, 0] for peer in peers])
    spreads = np.stack([peer.errorCovPost for peer in peers])
    np.testing.assert_allclose(moments[kalman.POSITION], states[:, :4], rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(moments[kalman.VELOCITY] * FRAME, states[:, 4:], rtol=1e-8, atol=1e-8)
    axis = np.arange(4)
    np.testing.assert_allclose(moments[kalman.P00], spreads[:, axis, axis], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(moments[kalman.P01] * FRAME, spreads[:, axis, axis + 4], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(moments[kalman.P11] * FRAME**2, spreads[:, axis + 4, axis + 4], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_many_boxes_at_once_equal_one_after_another(name):
    model, rng = MODELS[name], np.random.default_rng(3)
    first, second = (model.encode(boxes_of(rng, 7)) for _ in range(2))

    def run(start, end):
        return kalman.correct(model, kalman.predict(model, kalman.begin(model, start), 0.04), end)

    together = run(first, second)
    alone = np.concatenate([run(first[[row]], second[[row]]) for row in range(7)], axis=1)
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_a_gap_equals_the_frames_in_it_when_noise_is_fixed():
    model = MODELS["xysr"]
    moments = kalman.begin(model, model.encode(boxes_of(np.random.default_rng(0), 4)))
    moments[kalman.VELOCITY] = 30.0
    frames = moments
    for _ in range(12):
        frames = kalman.predict(model, frames, FRAME)
    np.testing.assert_allclose(kalman.predict(model, moments, 12 * FRAME), frames, rtol=1e-9)
    halves = kalman.predict(model, kalman.predict(model, moments, 0.5 * FRAME), 1.7 * FRAME)
    np.testing.assert_allclose(kalman.predict(model, moments, 2.2 * FRAME), halves, rtol=1e-9)


@pytest.mark.parametrize("name", MODELS)
@given(dt=st.floats(0, 30), seed=seeds)
def test_variances_stay_positive_over_any_gap(name, dt, seed):
    model = MODELS[name]
    moments = kalman.begin(model, model.encode(boxes_of(np.random.default_rng(seed), 3)))
    moments = kalman.correct(model, moments, moments[kalman.POSITION] + 1)
    later = kalman.predict(model, moments, dt)
    assert (later[kalman.P00] > 0).all()
    assert (later[kalman.P00] * later[kalman.P11] - later[kalman.P01] ** 2 >= -1e-9 * later[kalman.P00]).all()


@pytest.mark.parametrize("name", MODELS)
@given(seed=seeds)
def test_a_warp_moves_mean_and_covariance_as_matrices_do(name, seed):
    """The oracle is R m and the diagonal of R P R', with R the linear part on centres and the scale on sizes."""
    model, rng = MODELS[name], np.random.default_rng(seed)
    moments = kalman.predict(model, kalman.begin(model, model.encode(boxes_of(rng, 3))), 0.1)
    moments[kalman.VELOCITY] = rng.normal(0, 50, (3, 4))
    angle, scale = rng.uniform(-0.3, 0.3), rng.uniform(0.8, 1.2)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = rng.normal(0, 20, 2)
    moved = kalman.warped(model, moments, np.column_stack([linear, shift]))
    whole = np.diag([1.0, 1.0, scale ** model.lengths[0], scale ** model.lengths[1]])
    whole[:2, :2] = linear
    for row in range(3):
        mean = whole @ moments[0, row] + np.concatenate([shift, [0, 0]])
        np.testing.assert_allclose(moved[0, row], mean, rtol=1e-9)
        np.testing.assert_allclose(moved[1, row], whole @ moments[1, row], rtol=1e-9)
        for part in (kalman.P00, kalman.P01, kalman.P11):
            spread = np.diag(whole @ np.diag(moments[part, row]) @ whole.T)
            np.testing.assert_allclose(moved[part, row], spread, rtol=1e-9)


@given(seed=seeds)
def test_area_and_aspect_return_to_corners(seed):
    boxes = boxes_of(np.random.default_rng(seed), 5)
    np.testing.assert_allclose(xyxy_from_xysr(xysr_from_xyxy(boxes)), boxes, rtol=1e-9)


def test_a_box_whose_area_is_predicted_away_is_a_point_not_a_nan():
    corners = xyxy_from_xysr(np.array([[5.0, 5.0, -30.0, 0.4]]))
    assert np.isfinite(corners).all()
    assert corners[0, 2] - corners[0, 0] < 0.01
