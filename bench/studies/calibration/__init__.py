"""The calibration: how often verdicts are wrong, and how small a difference they find."""
