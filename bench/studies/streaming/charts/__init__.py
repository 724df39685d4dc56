"""The charts of the streaming study."""
