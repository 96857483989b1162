"""The console as a service: beside FastAPI with a SavedModel, with bad requests among good ones, and under attack."""
