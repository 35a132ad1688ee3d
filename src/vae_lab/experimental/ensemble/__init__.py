"""Train several runs that differ only in their seed, or in numbers of their objective, as one vectorised run.

It is meant for GPUs, which small networks leave mostly idle. On two CPU cores it does not pay: a sweep that takes 97 s
one run after the other takes 71 s with launcher=ensemble, and 70 s with launcher=processes.
"""
