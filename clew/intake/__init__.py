"""
Row 3 of the picture: collect. Log files are tailed, metrics scraped, spans received.

`logs.py` (on `tail.py`), `metrics.py` (on `scrape.py`) and `otlp.py` each feed one store; they know neither queries nor
pages. Each retries what a store could not take and counts whatever it had to leave, by reason.
"""
