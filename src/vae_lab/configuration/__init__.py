"""The configuration, checked before anything heavy is imported: nothing here imports torch."""
