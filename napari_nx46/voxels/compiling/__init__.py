"""How the kernels of core and leaderboard are compiled by numba, and where compiled code is kept.

Importing this package imports no numba; its modules do.
"""
