"""What is trained on what, and the fit loop that survives being stopped."""
