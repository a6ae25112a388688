"""One module per plugin. `clew/pipeline/registry.py` lists them."""
