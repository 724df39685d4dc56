"""A proxy between client and server that delays bytes as a network does, and counts round trips."""
