"""The doors: each gives bytes to the real code that reads them, and checks what came of it."""
