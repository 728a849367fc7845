"""Reads the lines of text into memory, works with them, lets go of them: the line reader in Python. Prints exactly what
the Rust one prints.

The text is standard input, or, where a directory is granted, each of its *.dat files in the order of their names.
Only one text is in use at a time.
"""

import os
import sys

from wit_world import exports


class Run(exports.Run):
    def run(self):
        names = granted_files()
        if names is None:
            read_and_report("stdin", sys.stdin.buffer)
            return
        for name in names:
            with open("/" + name, "rb") as text:
                read_and_report(name, text)


def granted_files():
    """The *.dat files of the granted directory by name, or nothing where none is granted."""
    try:
        return sorted(name for name in os.listdir("/") if name.endswith(".dat"))
    except OSError:
        return None


def read_and_report(name, text):
    """The lines are in memory until this returns."""
    report(name, read_lines(text))


def read_lines(text):
    """Every line becomes a string of its own in a list that grows."""
    lines = []
    for line in text:
        lines.append(line.rstrip(b"\n").decode())
    return lines


def report(name, lines):
    """One line about one text. The median is found in place."""
    longest = max((len(line) for line in lines), default=0)
    lines.sort()
    median = lines[len(lines) // 2] if lines else ""
    print(f"{name}: {len(lines)} lines, longest {longest} bytes, median: {median}")
