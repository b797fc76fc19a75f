"""How the application is set up and what each request passes: settings, cookies, limits, logs.

It imports `platforms`, `storage` and `base`; the pages of both kinds stand on it.
"""
