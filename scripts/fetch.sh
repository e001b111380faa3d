#!/bin/sh
# Tries to download Tiny Shakespeare with the program given as arguments, briefly and silently. Never fails: without it
# the lab uses its own play.

[ -n "${GPT_LAB_DATA:-}" ] || [ -n "${CI:-}" ] && exit 0
file=$("$@" data path 2>/dev/null) || exit 0
[ -e "$file" ] || "$@" data fetch --timeout 15 >/dev/null 2>&1
exit 0
