"""The load side: a crowd of tasks or threads, in the process of its backend."""
