"""See `clew/pipeline/registry.py`."""
