"""The commands of `bench`, a module each; what they do is done elsewhere."""
