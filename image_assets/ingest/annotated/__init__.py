"""Sources whose annotation files decide which category an image belongs to: Open Images, and JSON of COCO's form."""
