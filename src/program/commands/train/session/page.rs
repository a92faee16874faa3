//! What a training tells the page that conducts it.

use crate::program::run::live::{self, Message};
use anyhow::Result;
use std::io::{self, Write};
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};
use tch::Tensor;

/// Standard output, written by a thread of its own: the training need not wait until the page has read.
pub struct Page {
    messages: Option<SyncSender<[Vec<u8>; 2]>>,
    writer: Option<JoinHandle<()>>,
}

impl Page {
    pub fn new() -> io::Result<Self> {
        // One may wait while another is written.
        let (messages, written) = mpsc::sync_channel::<[Vec<u8>; 2]>(1);
        let writer = thread::Builder::new().spawn(move || {
            let mut page = io::stdout().lock();
            for [head, tensors] in written {
                // A page that does not listen any more has closed the orders too: that ends the training, with a checkpoint.
                let _ = page.write_all(&head).and_then(|()| page.write_all(&tensors)).and_then(|()| page.flush());
            }
        })?;
        Ok(Self { messages: Some(messages), writer: Some(writer) })
    }

    pub fn tell(&self, message: Message, tensors: Vec<(String, Tensor)>) -> Result<()> {
        let packed = live::packed(message, tensors)?;
        if let Some(messages) = &self.messages {
            let _ = messages.send(packed);
        }
        Ok(())
    }
}

/// All that was told is written.
impl Drop for Page {
    fn drop(&mut self) {
        self.messages = None;
        self.writer.take().map(JoinHandle::join);
    }
}
