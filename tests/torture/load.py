"""`python -m torture.load DIR`: read a run's folder in Python, as a user would."""

import sys

if __name__ == "__main__":
    import vae_lab
    from vae_lab.errors import UserError

    try:
        vae_lab.load(sys.argv[1])
    except UserError as error:
        sys.exit(str(error))
