"""How a process ends that is told to: by Ctrl-C, by a scheduler, by a closed pipe, or because its parent is gone."""
