"""Who people are: registration and login."""
