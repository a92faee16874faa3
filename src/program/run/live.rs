//! What a training says to a page that conducts it, and the page to the training: over the training's standard output and
//! input, both of this program.

use super::options::{LrChange, NonNegative};
use anyhow::{Context, Result, ensure};
use safetensors::tensor::{Metadata, SafeTensors, TensorInfo, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::path::PathBuf;
use tch::{TchError, Tensor};

/// The most bytes of a message's tensors, and of its words.
const LARGEST: u64 = 8 << 30;
const LONGEST: u64 = 1 << 24;
const NOT_WHOLE: &str = "the training's message is not whole";

/// What the page asks of the training.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Go on until so many iterations are done, then wait.
    Until(u64),
    /// The same until the end of the epoch.
    Epoch,
    /// From the next iteration on.
    Lr(NonNegative),
    /// End, with a checkpoint.
    Stop,
}

/// What the training tells. Tensors go with some messages.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    Begun {
        dir: PathBuf,
        /// How many iterations are done already, where it is resumed.
        iteration: u64,
        epochs: u64,
        iterations: u64,
        /// Iterations of an epoch.
        batches: u64,
    },
    /// Its tensors are `losses` `[n]` of the iterations that are new, `rows` `[n, 3]` that were logged since, and the network's
    /// variables under `weights.`.
    Look {
        iteration: u64,
        /// Whether it waits for an order.
        paused: bool,
        /// The learning rate of the next iteration, and how it was changed on the way.
        lr: f64,
        lr_from: Vec<LrChange>,
        /// The tutorial's lines that are new.
        lines: Vec<String>,
    },
    /// One step that was asked for alone. Its tensors are the variables under `before.`, `gradient.` and `after.`, and what the
    /// optimizer keeps of them under `state_before.` and `state_after.`.
    Step { iteration: u64, lr: f64 },
}

/// A message's words, and how many bytes of tensors follow them.
#[derive(Deserialize, Serialize)]
struct Head {
    message: Message,
    bytes: u64,
}

/// A message with its tensors, as it is sent, in two parts.
pub fn packed(message: Message, tensors: Vec<(String, Tensor)>) -> Result<[Vec<u8>; 2]> {
    let bytes = serialized(tensors)?;
    let mut head = serde_json::to_vec(&Head { message, bytes: bytes.len() as u64 })?;
    head.push(b'\n');
    Ok([head, bytes])
}

/// Tensors from whatever device.
fn serialized(tensors: Vec<(String, Tensor)>) -> Result<Vec<u8>> {
    let bytes = |(name, tensor): (String, Tensor)| -> Result<_, TchError> {
        let kind = tensor.f_kind()?;
        let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        Ok((name, kind, tensor.size(), bytes))
    };
    let tensors = tensors.into_iter().map(bytes).collect::<Result<Vec<_>, _>>()?;
    let mut views = Vec::new();
    for (name, kind, size, bytes) in &tensors {
        let shape = size.iter().map(|&side| side as usize).collect();
        views.push((name.as_str(), TensorView::new((*kind).try_into()?, shape, bytes)?));
    }
    Ok(safetensors::serialize(views, &None)?)
}

/// A message's tensors as they came: most moments of a training are not looked at, and cost no more than this.
pub struct Tensors {
    metadata: Metadata,
    /// Where in `bytes` the numbers begin.
    begin: usize,
    bytes: Vec<u8>,
}

impl Tensors {
    pub fn new(bytes: Vec<u8>) -> Result<Self> {
        let (header, metadata) = SafeTensors::read_metadata(&bytes).context(NOT_WHOLE)?;
        Ok(Self { metadata, begin: size_of::<u64>() + header, bytes })
    }

    pub fn pack(tensors: Vec<(String, Tensor)>) -> Result<Self> {
        Self::new(serialized(tensors)?)
    }

    /// How many they are.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn get(&self, name: &str) -> Result<Option<Tensor>> {
        self.metadata.tensors().get(name).map(|info| self.tensor(info)).transpose()
    }

    /// Those whose names begin with `prefix`, without it.
    pub fn part(&self, prefix: &str) -> Result<HashMap<String, Tensor>> {
        let tensors = self.metadata.tensors();
        let part = tensors.into_iter().filter_map(|(name, info)| Some((name.strip_prefix(prefix)?.to_owned(), info)));
        part.map(|(name, info)| Ok((name, self.tensor(info)?))).collect()
    }

    fn tensor(&self, info: &TensorInfo) -> Result<Tensor> {
        let (from, to) = info.data_offsets;
        let bytes = &self.bytes[self.begin..][from..to]; // `read_metadata` has checked these
        Ok(TensorView::new(info.dtype, info.shape.clone(), bytes)?.try_into()?)
    }
}

/// The next message with its tensors, or `None` where the training has ended.
pub fn receive(from: &mut impl BufRead) -> Result<Option<(Message, Tensors)>> {
    let mut head = String::new();
    if from.take(LONGEST).read_line(&mut head)? == 0 {
        return Ok(None);
    }
    let Head { message, bytes: length } =
        serde_json::from_str(&head).context("the training's message cannot be read")?;
    ensure!(length <= LARGEST, "the training's message has {length} bytes: expected at most {LARGEST}");
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes).context(NOT_WHOLE)?;
    Ok(Some((message, Tensors::new(bytes)?)))
}
