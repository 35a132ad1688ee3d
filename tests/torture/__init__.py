"""`make torture`: the real commands are killed, signalled, started together, starved and deceived, and must hold."""
