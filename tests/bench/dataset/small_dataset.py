"""The dataset that most tests load, and the digest of its rows."""

from bench.model.dataset import Dataset

SMALL = Dataset(scale=0.01, seed=1)

PINNED = "f316515b6e469f0c"
