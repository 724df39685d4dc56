"""The study of processes: what several do together that one cannot, because it has one GIL."""
