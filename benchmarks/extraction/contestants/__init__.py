"""The contestants: each module has `run(task)`, and imports what only it needs."""
