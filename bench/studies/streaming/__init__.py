"""Does it really stream, what does it buy, what does it cost? The experiment on that."""
