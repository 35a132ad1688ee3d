"""The folder of a run: what it holds, who may write into it, and how it is read again."""
