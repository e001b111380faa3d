//! The most memory this process has had, as the system counts it (resident), since the last reset.

/// Starts counting anew, where the system can (Linux).
pub fn reset_peak() {
    // Where it can't be reset, the peak is that of the whole process: still true, only less telling.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Bytes; 0 where the system doesn't say.
pub fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    kib.map_or(0, |kib| kib * 1024)
}
