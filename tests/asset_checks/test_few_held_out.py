"""A handful of held-out images says nothing of a model; more do, and then a bad one is an error."""

from types import SimpleNamespace

import pytest

from image_assets.asset_checks.trained_models import too_few_held_out


@pytest.mark.parametrize(
    ("held_out", "majority", "enough"),
    [(1, 0.5, False), (4, 0.5, False), (5, 0.5, True), (50, 0.9, True), (50, 1.0, False)],
)
def test_as_many_are_needed_as_tell_a_perfect_model_from_chance(held_out: int, majority: float, enough: bool) -> None:
    manifest = SimpleNamespace(metrics={"held_out": held_out, "majority_accuracy": majority})
    assert (too_few_held_out(manifest) == "") == enough  # pyright: ignore[reportArgumentType]
