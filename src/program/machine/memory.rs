//! How glibc hands out memory.

/// Has glibc keep what libtorch frees for its next allocation. By default it gives every activation
/// back to the kernel and faults it in again, page by page, an iteration later.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // Safety: sets two numbers of the allocator, before there is a second thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20); // the largest that glibc takes
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}
