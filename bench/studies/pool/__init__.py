"""`bench pool`: pool sizes against numbers of clients, waits for a connection, and deadlocks."""
