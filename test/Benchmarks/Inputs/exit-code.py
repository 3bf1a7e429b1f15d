"""Runs a command, whose exit code has to be the first argument.

usage: exit-code.py CODE COMMAND..
"""
import subprocess
import sys

found = subprocess.call(sys.argv[2:])
if found != int(sys.argv[1]):
    sys.exit(f"expected exit code {sys.argv[1]}, but got {found}")
