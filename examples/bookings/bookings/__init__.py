"""A small application: rooms, and the nights for which they are booked."""
