"""Data sets, what is done to their pixels, and the batches that training sees."""
