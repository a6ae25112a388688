"""The one door: everything from outside comes through here."""
