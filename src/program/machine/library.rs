//! NVIDIA's driver as a shared library that stays loaded, its symbols visible to libtorch.

#[cfg(target_os = "linux")]
mod platform {
    pub use libloading::os::unix::Library;
    use libloading::os::unix::{RTLD_GLOBAL, RTLD_LAZY};
    use std::mem::ManuallyDrop;

    pub type Loaded = ManuallyDrop<Library>;

    pub fn open(name: &str) -> Result<Loaded, libloading::Error> {
        // Safety: the driver's initialisers expect nothing of the program that loads them.
        unsafe { Library::open(Some(name), RTLD_LAZY | RTLD_GLOBAL) }.map(ManuallyDrop::new)
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    pub use libloading::Library;

    pub type Loaded = Library;

    /// The program opens CUDA on Linux only.
    pub fn open(_name: &str) -> Result<Loaded, &'static str> {
        Err("there is no CUDA on this system")
    }
}

pub use platform::{Library, Loaded, open};
