//! Looks for OpenBLAS before anything is compiled, because the linker would say so only at the very end.

use std::env;
use std::path::Path;
use std::process::Command;

const MISSING: &[&str] = &[
    "OpenBLAS was not found: expected libopenblas where pkg-config or the C compiler can see it. Install it:",
    "  Debian, Ubuntu   sudo apt-get install libopenblas-dev",
    "  Fedora, RHEL     sudo dnf install openblas-devel",
    "  Arch             sudo pacman -S openblas",
    "  Alpine           sudo apk add openblas-dev",
    "or build without it, more slowly: cargo run --release --no-default-features",
    "(`make run` does whichever of the two is possible here)",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in ["PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "LIBRARY_PATH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let wanted = env::var_os("CARGO_FEATURE_BLAS").is_some();
    // macOS has Accelerate; Windows finds OpenBLAS in its own ways, and a cross-compiler in the target's.
    let unix_at_home = env::var_os("CARGO_CFG_UNIX").is_some()
        && env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("macos")
        && env::var_os("HOST") == env::var_os("TARGET");
    if wanted && unix_at_home && !found() {
        for line in MISSING {
            println!("cargo::error={line}");
        }
    }
}

/// Whether the linker will find the library.
fn found() -> bool {
    let pkg_config = env::var_os("PKG_CONFIG").unwrap_or("pkg-config".into());
    let known = Command::new(pkg_config).args(["--exists", "openblas"]).status();
    // A search path given to rustc is taken at its word.
    let search_path = env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("-L"));
    known.is_ok_and(|status| status.success())
        || search_path
        || ["libopenblas.so", "libopenblas.a"].into_iter().any(compiler_sees)
}

/// `cc -print-file-name` answers with a path where it finds the file, and with the bare name where it does not.
fn compiler_sees(library: &str) -> bool {
    Command::new("cc")
        .arg(format!("-print-file-name={library}"))
        .output()
        .is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_absolute())
}
