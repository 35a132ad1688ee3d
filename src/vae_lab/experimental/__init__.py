"""Experimental parts: they are tested, but may change or be removed in any version.

`ensemble` trains similar runs at once and is meant for GPUs. On two CPU cores it does not pay: a sweep that takes 97 s
one run after the other takes 71 s with launcher=ensemble, and 70 s with launcher=processes.
"""
