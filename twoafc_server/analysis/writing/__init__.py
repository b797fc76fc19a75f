"""An analysis as JSON, CSV, LaTeX, pictures and one HTML page, in the same words everywhere.

It imports the analysis, `reading` and `base` and hands out `write.write_all`.
"""
