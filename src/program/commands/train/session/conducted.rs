//! A training that the page of `play` conducts: it waits for orders, and shows where it stands.
//!
//! Nothing here draws a random number or changes one that is trained with, but for a learning rate that is asked for.

use super::Session;
use super::page::Page;
use crate::program::messages::NO_THREAD;
use crate::program::run::live::{Message, Order};
use crate::program::run::metrics::Row;
use crate::program::run::options::{LrChange, NonNegative};
use anyhow::{Context, Result};
use cnn_tutorial::optim::Optimizer;
use signal_hook::consts::SIGTERM;
use std::io;
use std::mem;
use std::num::NonZeroU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use tch::{TchError, Tensor};

/// Between two looks at a training that runs there is at least this time, and so many times what the last look took.
const BETWEEN_LOOKS: Duration = Duration::from_millis(90);
const TIMES_ITS_COST: u32 = 60;
/// How long is waited for an order before it is looked whether a signal has come.
const UNTIL_NEXT_TRY: Duration = Duration::from_millis(50);

/// The page at the other end of standard input and output.
pub struct Conductor {
    /// Closed when the page is gone.
    orders: Receiver<Order>,
    /// It waits for an order when so many iterations are done.
    until: u64,
    /// What the next look tells.
    pub(super) losses: Vec<f32>,
    pub(super) lines: Vec<String>,
    /// How many rows were told.
    rows: usize,
    last_look: Option<(Instant, Duration)>,
    /// What a step that was asked for alone began with.
    before: Option<(Vec<(String, Tensor)>, f64)>,
    page: Page,
}

impl Conductor {
    pub fn new() -> Result<Self> {
        let (sender, orders) = mpsc::channel();
        thread::Builder::new()
            .spawn(move || {
                for line in io::stdin().lines().map_while(Result::ok) {
                    if let Ok(order) = serde_json::from_str(&line)
                        && sender.send(order).is_err()
                    {
                        return;
                    }
                }
            })
            .context(NO_THREAD)?;
        let (losses, lines, rows, last_look, before) = (Vec::new(), Vec::new(), 0, None, None);
        Ok(Self { orders, until: 0, losses, lines, rows, last_look, before, page: Page::new().context(NO_THREAD)? })
    }

    /// The next order; while the training waits for one it is waited for a little.
    fn order(&self, waits: bool) -> Option<Order> {
        match self.orders.recv_timeout(if waits { UNTIL_NEXT_TRY } else { Duration::ZERO }) {
            Err(RecvTimeoutError::Disconnected) => Some(Order::Stop),
            order => order.ok(),
        }
    }

    fn is_due(&self) -> bool {
        self.last_look.is_none_or(|(end, cost)| end.elapsed() >= BETWEEN_LOOKS.max(cost * TIMES_ITS_COST))
    }
}

impl Session<'_> {
    /// Tells the page, if there is one, that the training can begin.
    pub(super) fn tell_begun(&self) -> Result<()> {
        if let Some(conductor) = &self.conductor {
            let (dir, iteration, schedule) = (self.run.dir.clone(), self.position.iteration, self.schedule);
            let (epochs, iterations, batches) = (schedule.epochs, schedule.iterations, schedule.batches);
            conductor.page.tell(Message::Begun { dir, iteration, epochs, iterations, batches }, Vec::new())?;
        }
        Ok(())
    }

    /// Follows the page's orders, if there is one, and shows it where the training stands. Returns when it is to go on.
    pub(super) fn conducted(&mut self, optimizer: &mut Optimizer) -> Result<()> {
        let Some(mut conductor) = self.conductor.take() else { return Ok(()) };
        if let Some((before, lr)) = conductor.before.take() {
            let after = self.learned(optimizer, "after.", "state_after.")?;
            let message = Message::Step { iteration: self.position.iteration, lr };
            conductor.page.tell(message, before.into_iter().chain(after).chain(self.gradients()?).collect())?;
        }
        let (done, mut shown) = (self.position.iteration, false);
        loop {
            let waits = done < self.schedule.iterations && done >= conductor.until;
            let order = conductor.order(waits && shown);
            if let Some(Order::Stop) = order {
                self.stop.store(SIGTERM as usize, Ordering::Relaxed);
            }
            let ends = done == self.schedule.iterations || self.is_stopped();
            if !shown && (waits || ends || conductor.is_due()) {
                self.look(&mut conductor, waits)?;
                shown = true;
            }
            match order {
                _ if ends => break,
                None if !waits => break,
                None | Some(Order::Stop) => {}
                Some(goal @ (Order::Until(_) | Order::Epoch)) => {
                    let batches = self.schedule.batches;
                    let end = done - done % batches + batches;
                    conductor.until = if let Order::Until(until) = goal { until } else { end };
                    shown = false;
                    let alone = conductor.until == done + 1;
                    let before = alone.then(|| copies(self.learned(optimizer, "before.", "state_before.")?));
                    conductor.before = before.transpose()?.map(|before| (before, self.lr()));
                }
                Some(Order::Lr(lr)) => {
                    self.change_lr(lr, optimizer)?;
                    if let Some((_, lr)) = &mut conductor.before {
                        *lr = self.lr();
                    }
                    shown = false;
                }
            }
        }
        self.conductor = Some(conductor);
        Ok(())
    }

    /// Sends the losses and rows that are new, and the weights.
    fn look(&mut self, conductor: &mut Conductor, paused: bool) -> Result<()> {
        let start = Instant::now();
        conductor.losses.extend(self.read_losses()?);
        let (iteration, lr, lr_from) = (self.position.iteration, self.lr(), self.config.options.lr_from.clone());
        let (losses, lines) = (mem::take(&mut conductor.losses), mem::take(&mut conductor.lines));
        let rows = &self.run.metrics.rows[conductor.rows..];
        let numbers: Vec<f64> =
            rows.iter().flat_map(|&Row { iteration, loss, accuracy }| [iteration as f64, loss, accuracy]).collect();
        conductor.rows += rows.len();
        let weights = self.network.vs.variables().into_iter().map(|(name, tensor)| (format!("weights.{name}"), tensor));
        let told = [
            ("losses".into(), Tensor::f_from_slice(&losses)?),
            ("rows".into(), Tensor::f_from_slice(&numbers)?.f_view([-1, 3])?),
        ];
        let message = Message::Look { iteration, paused, lr, lr_from, lines };
        conductor.page.tell(message, told.into_iter().chain(weights).collect())?;
        conductor.last_look = Some((Instant::now(), start.elapsed()));
        Ok(())
    }

    /// Writes the change down, so that the run can be resumed and repeated: the checkpoint first, which the other follows when
    /// it is resumed.
    fn change_lr(&mut self, lr: NonNegative, optimizer: &Optimizer) -> Result<()> {
        let next = NonZeroU64::MIN.saturating_add(self.position.iteration);
        let changes = &mut self.config.options.lr_from;
        changes.retain(|change| change.iteration < next);
        changes.push(LrChange { iteration: next, lr });
        self.save(optimizer)?;
        self.config.write(&self.run.dir)
    }

    /// The variables and what the optimizer keeps of them, named under these prefixes.
    fn learned(&self, optimizer: &Optimizer, variables: &str, state: &str) -> Result<Vec<(String, Tensor)>> {
        let named =
            self.network.vs.variables().into_iter().map(|(name, tensor)| (format!("{variables}{name}"), tensor));
        let kept = optimizer.state_dict()?.into_iter().map(|(name, tensor)| (format!("{state}{name}"), tensor));
        Ok(named.chain(kept).collect())
    }

    fn gradients(&self) -> Result<Vec<(String, Tensor)>, TchError> {
        let of = |(name, variable): (String, Tensor)| Ok((format!("gradient.{name}"), variable.f_grad()?));
        let gradients = self.network.vs.variables().into_iter().map(of).collect::<Result<Vec<_>, TchError>>()?;
        Ok(gradients.into_iter().filter(|(_, gradient)| gradient.defined()).collect())
    }
}

fn copies(tensors: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>> {
    tensors.into_iter().map(|(name, tensor)| Ok((name, tensor.f_detach_copy()?))).collect()
}
