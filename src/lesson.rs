//! The lesson files, embedded in the binary.
