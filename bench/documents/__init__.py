"""Documents that quote kept numbers: tables by name, marked places filled, files kept in line.

Imports typesetting, records and metrics. Hands out fill, opener, examine and update.
"""
