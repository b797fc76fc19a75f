"""Pretrained networks that metrics need: the catalogue of files, their verification, their imports.

Imports no other room. Hands out weights.require, import_guarded, fold.
"""
