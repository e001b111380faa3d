#!/bin/sh
# Makes sure that OpenBLAS can be linked, installing it where that is possible, and prints the options that cargo then
# needs: none, or --no-default-features to build in pure Rust. Everything else it has to say goes to standard error.
#
#   BLAS=no   builds without OpenBLAS, installs nothing
#   BLAS=yes  tries to install it again, after a failure that is less than a day old

log=${CARGO_TARGET_DIR:-target}/setup.log
failed=${CARGO_TARGET_DIR:-target}/setup.failed

say() { echo "gpt-lab: $*" >&2; }

without() {
    say "building without OpenBLAS, in pure Rust: $*"
    echo --no-default-features
    exit 0
}

need() {
    command -v "$1" >/dev/null 2>&1 && return
    say "$1 was not found: $2"
    exit 1
}

# The same places that build.rs looks in.
has_openblas() {
    pkg-config --exists openblas 2>/dev/null && return
    for library in libopenblas.so libopenblas.a; do
        case $(cc -print-file-name=$library) in /*) return 0 ;; esac
    done
    return 1
}

# Runs a command with the rights to install packages.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# As root, or through sudo where it needs no password or somebody is there to type one.
may_install() {
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null 2>&1 || return
    sudo -n true 2>/dev/null && return
    [ -t 0 ] && [ -t 2 ] && say "sudo may ask for your password to install OpenBLAS (BLAS=no builds without it)"
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
        -o Acquire::Retries=0 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 "$@"
}

install_openblas() {
    if command -v apt-get >/dev/null 2>&1; then
        # The package index is refreshed only where an old or empty one is in the way.
        apt install --no-install-recommends libopenblas-dev || { apt update && apt install --no-install-recommends libopenblas-dev; }
    elif command -v dnf >/dev/null 2>&1; then
        as_root dnf install -y -q openblas-devel
    elif command -v pacman >/dev/null 2>&1; then
        as_root pacman -S --noconfirm --needed openblas || as_root pacman -Sy --noconfirm --needed openblas
    elif command -v apk >/dev/null 2>&1; then
        as_root apk add -q openblas-dev || as_root apk add -q --update-cache openblas-dev
    else
        return 127
    fi
}

need cargo "install Rust, see https://rustup.rs"
need cc "install a C compiler, for instance gcc or clang"

[ "${BLAS:-}" = no ] && without "as BLAS=no asks"
[ "$(uname -s)" = Darwin ] && exit 0
# A program that is linked statically throughout, as rustup's compiler on Alpine makes them, cannot use a shared library.
rustc --print cfg 2>/dev/null | grep -q 'target_feature="crt-static"' && without "this Rust links everything statically"
has_openblas && exit 0

if [ "${BLAS:-}" != yes ] && [ -n "$(find "$failed" -mtime -1 2>/dev/null)" ]; then
    without "installing it failed less than a day ago, see $log (BLAS=yes tries again)"
fi
may_install || without "it is not installed, and installing it needs root (on Debian: apt-get install libopenblas-dev)"

mkdir -p "$(dirname "$log")"
say "installing OpenBLAS"
if install_openblas </dev/null >"$log" 2>&1 && has_openblas; then
    rm -f "$failed"
    exit 0
fi
: >"$failed"
without "it could not be installed, see $log"
