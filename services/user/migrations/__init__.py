"""
How the user service's schema came to be: a file per change (``r<number>_<what>.py``, the name is the revision), never
edited once released. services/shared/migrations.py applies them.
"""
