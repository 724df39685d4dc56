"""The mistakes, a module a theme: each a class with its code, its right way, and why."""
