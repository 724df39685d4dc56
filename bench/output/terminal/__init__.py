"""What a user sees in the terminal: while it is measured, and at the end."""
