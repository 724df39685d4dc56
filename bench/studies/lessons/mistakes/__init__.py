"""The mistakes, one module for each theme. A class has the wrong code, the right code, and why."""
