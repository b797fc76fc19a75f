"""The import doctor: is this folder of outputs what it says it is?

Imports images and suites. Hands out check_folder and the report of its findings.
"""
