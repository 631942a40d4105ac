"""Chance is a function of what it is for: nothing else moves it, and it is as even as chance should be."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from models.relapse.chance import normals, patient_key, stratified, uniforms


def keys(*names: str) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array([patient_key(name) for name in names], np.uint64)


def days(*each: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(each, np.int64)


def test_a_patients_draws_are_the_same_alone_and_among_others() -> None:
    both = normals(keys("a", "b"), days(739_000, 739_500), 3, 100)
    assert_array_equal(both[1], normals(keys("b"), days(739_500), 3, 100)[0])
    assert_array_equal(stratified(keys("a", "b"), 2, 64)[:, 1], stratified(keys("b"), 2, 64)[:, 0])


def test_another_patient_day_or_purpose_has_other_draws() -> None:
    wanted = normals(keys("a"), days(739_000), 3, 64)
    for other in ((keys("b"), days(739_000), 3), (keys("a"), days(739_001), 3), (keys("a"), days(739_000), 4)):
        assert abs(np.corrcoef(wanted[0], normals(*other, 64)[0])[0, 1]) < 0.4


def test_normals_are_normal_and_uniforms_uniform() -> None:
    drawn = normals(keys(*map(str, range(400))), np.arange(400) + 739_000, 1, 250)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01
    assert abs((np.abs(drawn) > 1.96).mean() - 0.05) < 0.005
    assert abs(np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]) < 0.01
    flat = uniforms(keys(*map(str, range(4000))), np.full(4000, 739_000), 2)
    assert_array_equal(np.histogram(flat, 4, (0, 1))[0] > 900, True)


def test_the_same_bits_on_every_machine() -> None:
    """If this fails, every stored state and every earlier forecast is of another chance."""
    assert patient_key("P1") == 0x2AF037057A81C59C
    assert normals(keys("P1"), days(739_000), 1, 3).tolist() == [
        [-1.0155153274536133, -1.0794655084609985, 1.4008125066757202]
    ]


def test_stratified_draws_fill_every_stratum_once() -> None:
    drawn = stratified(keys("a"), 3, 128)
    for dimension in drawn[:, 0]:
        assert len(set(dimension.tolist())) == 128
        assert abs(dimension.mean()) < 1e-3
