"""Finds the prospects that are the same as one sought, however they are written; no two doors are taken for one."""
