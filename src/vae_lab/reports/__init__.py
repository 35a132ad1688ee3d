"""What a sweep found: one table and its pictures."""
