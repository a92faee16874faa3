//! The processor, by which libtorch, oneDNN and MKL choose what they compute with.

use std::env;

/// Whose it is, which one, the sizes of its data caches, and the vector instructions that libtorch chooses its own kernels by.
#[cfg(target_arch = "x86_64")]
pub fn describe() -> String {
    use raw_cpuid::{CacheType, CpuId};
    use std::fmt::Write;

    let id = CpuId::new();
    let maker = id.get_vendor_info().map_or_else(|| env::consts::ARCH.to_owned(), |vendor| vendor.as_str().to_owned());
    let mut text = maker;
    if let Some(features) = id.get_feature_info() {
        let _ = write!(text, " family {} model {}", features.family_id(), features.model_id());
    }
    for cache in id.get_cache_parameters().into_iter().flatten() {
        if cache.cache_type() != CacheType::Instruction {
            let bytes =
                cache.associativity() * cache.physical_line_partitions() * cache.coherency_line_size() * cache.sets();
            let _ = write!(text, ", L{} {} KiB", cache.level(), bytes / 1024);
        }
    }
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq");
    let instructions = if avx2 && avx512 {
        ", AVX512"
    } else if avx2 {
        ", AVX2"
    } else {
        ", no AVX2"
    };
    text + instructions
}

#[cfg(not(target_arch = "x86_64"))]
pub fn describe() -> String {
    env::consts::ARCH.into()
}
