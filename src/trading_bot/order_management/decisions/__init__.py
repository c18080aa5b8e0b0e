"""What a person decides: each decision is recorded with the name and the reason of who made it."""
