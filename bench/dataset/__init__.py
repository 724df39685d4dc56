"""The rows: their schema, how they are made, how they are known again."""
