"""The commands, one file each with `main(argv)`; `common` and `findings` serve several of them.

It imports every room and is imported by `python -m twoafc_server` alone.
"""
