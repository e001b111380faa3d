#!/bin/sh
# Trains each small stage for 1,000 steps with the program given as arguments and prints its JSON summary.

for stage in bigram single-head multi-head feed-forward blocks residual layer-norm; do
    "$@" train --stage $stage --steps 1000 --seed 1337 --json | tail -n 1 || exit
done
