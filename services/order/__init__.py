"""What people order."""
