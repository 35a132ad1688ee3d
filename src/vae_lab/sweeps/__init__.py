"""Many runs by one command: its jobs, their folders, and what is told at the end."""
