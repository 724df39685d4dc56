"""The load: clients that are tasks or threads, in the worker process of their backend."""
