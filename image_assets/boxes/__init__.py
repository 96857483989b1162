"""Boxes of images and what is in them: image_boxes, image_chips and box_quarantine."""
