"""What a project of Dagster's own form takes from the platform: a component per dataset."""

from image_assets.components.image_dataset import ImageDataset

__all__ = ["ImageDataset"]
