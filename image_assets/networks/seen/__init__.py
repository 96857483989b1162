"""What a network sees: what its layers make of a picture, and which parts of the picture its answer rests on."""
