"""What is kept of users and items, and how an event changes it."""
