"""One statement of the user's own, through every library that takes SQL text."""
