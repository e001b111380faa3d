#!/bin/sh
# Prints a Python that has PyTorch and numpy: the one that PYTHON names, or that of a virtual environment under target/,
# which is made where it is missing. Everything else it has to say goes to standard error.

say() { echo "gpt-lab: $*" >&2; }

has_torch() { "$1" -c 'import numpy, torch' 2>/dev/null; }

if [ -n "${PYTHON:-}" ]; then
    has_torch "$PYTHON" && echo "$PYTHON" && exit 0
    say "$PYTHON cannot import torch and numpy: install them there, or leave PYTHON empty"
    exit 1
fi

venv=${CARGO_TARGET_DIR:-target}/torch
python=$venv/bin/python
has_torch "$python" && echo "$python" && exit 0

say "installing PyTorch in $venv (a download of some hundred MB, once)"
if ! python3 -m venv "$venv" >&2; then
    say "python3 could not make a virtual environment (on Debian: apt-get install python3-venv)"
    exit 1
fi
# Where there are builds without CUDA, they are a tenth of the size.
cpu=https://download.pytorch.org/whl/cpu
if "$python" -m pip install --quiet --index-url "$cpu" torch numpy >&2 ||
    "$python" -m pip install --quiet torch numpy >&2; then
    has_torch "$python" && echo "$python" && exit 0
fi
say "PyTorch could not be installed; name a Python that has it: make compare PYTHON=/path/to/python"
exit 1
