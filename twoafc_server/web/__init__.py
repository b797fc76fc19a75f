"""The web application, `app.create_app`, with its templates and scripts; inside it three rooms.

It imports `export`, `platforms`, `storage` and below, and hands out the application alone.
"""
