"""Client machines: Dask carries the jobs, and each is done by a worker process of ours there."""
