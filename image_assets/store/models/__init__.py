"""What a model is, models as files that cannot run code, their history, and which of them is the champion."""
