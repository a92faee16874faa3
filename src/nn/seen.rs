//! What a tensor was at a moment of a forward pass, which may change it in place afterwards.

use super::fast::to_dense;
use tch::{TchError, Tensor};

/// Which tensor it was, and how often it had been changed in place by then. Equal numbers do not make two tensors one: adding
/// zeros is a computation, too.
#[derive(Debug)]
pub struct Identity {
    tensor: Tensor,
    version: i64,
}

impl Identity {
    pub fn is(&self, other: &Self) -> Result<bool, TchError> {
        // In oneDNN's layout a tensor has no storage to compare.
        let in_layout = self.tensor.is_mkldnn() || other.tensor.is_mkldnn();
        Ok(!in_layout && self.version == other.version && self.tensor.f_is_set_to(&other.tensor)?)
    }

    /// Flattened or not.
    pub fn is_flattened(&self, other: &Self) -> Result<bool, TchError> {
        let flat = |of: &Self| Ok::<_, TchError>(Self { tensor: of.tensor.f_reshape([-1])?, version: of.version });
        Ok(self.is(other)? || flat(self)?.is(&flat(other)?)?)
    }

    pub fn shallow_clone(&self) -> Self {
        Self { tensor: self.tensor.shallow_clone(), version: self.version }
    }
}

/// A tensor's numbers as they are now, dense and without gradients, and which tensor it is.
pub fn seen(tensor: &Tensor) -> Result<(Tensor, Identity), TchError> {
    let identity = Identity { tensor: tensor.f_detach()?, version: tensor.f_internal_version()? };
    Ok((to_dense(&identity.tensor)?.f_detach_copy()?, identity))
}
