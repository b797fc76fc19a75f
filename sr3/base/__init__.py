"""What every room stands on: errors, whole files, keyed randomness, things by file name.

Imports no other room. Hands out InputError and run_command, write_text, generator_of, find_module.
"""
