//! What a worker does with the jobs that it took: decode each, run together what fits together,
//! answer each as soon as its last row is done.
//!
//! A request is one *item* of tensors, or one for each of its images. Images are decoded just
//! before they run, so that a request of many holds only one batch of them.

use crate::batching::{fit, join, part, rows};
use crate::job::{Job, Read};
use crate::queue::{Queue, Taken, Unread, Work};
use crate::{Answer, Outcome, Refusal, Request, Servable};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use tensor::Value;

/// The life of a worker: one batch after the other until the queue is closed and empty.
pub(crate) fn work(queue: &Queue<Box<dyn Job>>) {
    while let Some(work) = queue.pop() {
        match work {
            Work::Read(unread) => read_ahead(queue, unread),
            Work::Run(Taken { model, jobs }) => {
                jobs.iter().for_each(|_| model.metrics().dequeued());
                Round { model: &model, jobs: Vec::new(), last: Instant::now() }.serve(jobs);
            }
        }
    }
}

/// The life of a reader: while every worker is busy, reads what they take next, until the queue is
/// closed.
pub(crate) fn read(queue: &Queue<Box<dyn Job>>) {
    while let Some(unread) = queue.pop_unread() {
        read_ahead(queue, unread);
    }
}

fn read_ahead(queue: &Queue<Box<dyn Job>>, mut unread: Unread<Box<dyn Job>>) {
    let model = unread.model.clone();
    let start = Instant::now();
    if !unread.job.is_moot(start) {
        let read = guarded(&model, |model| {
            let mut read = unread.job.decode(model)?;
            read.prepare(model)?;
            Ok(read)
        });
        unread.job.times().decode += start.elapsed();
        unread.job.keep(read);
    }
    let priority = unread.job.priority();
    if let Err((job, refusal)) = queue.put_back(unread, priority) {
        model.metrics().dequeued();
        Round { model: &model, jobs: Vec::new(), last: Instant::now() }.finish(job, Err(refusal));
    }
}

/// Answers one job on this thread that came just now; when it is done.
pub(crate) fn answer(model: &Servable, job: Box<dyn Job>, now: Instant) -> Instant {
    let mut round = Round { model, jobs: Vec::new(), last: now };
    round.serve(vec![job]);
    round.last
}

/// Jobs of one model that a worker took at once.
struct Round<'a> {
    model: &'a Servable,
    /// Jobs in the order of their arrival; `None` when answered.
    jobs: Vec<Option<Open>>,
    /// When the last stage ended, which is when the next one begins: small requests take hardly
    /// longer than to look at the clock often.
    last: Instant,
}

/// A job that is not answered yet.
struct Open {
    job: Box<dyn Job>,
    /// Items that have not run.
    left: usize,
    is_of_images: bool,
    answers: Vec<Answer>,
}

/// What runs as one.
struct Item {
    /// Position of its job.
    job: usize,
    content: Content,
}

enum Content {
    /// An image file, and its place among several.
    Image(Option<usize>, Vec<u8>),
    /// Inputs that fit the model.
    Tensors(Vec<Value>),
}

/// Items that run together.
#[derive(Default)]
struct Batch {
    /// The positions of their jobs, and their inputs.
    items: Vec<(usize, Vec<Value>)>,
    rows: usize,
}

impl Round<'_> {
    fn serve(&mut self, jobs: Vec<Box<dyn Job>>) {
        let mut items: VecDeque<Item> = jobs.into_iter().flat_map(|job| self.open(job)).collect();
        let mut batch = Batch::default();
        while let Some(item) = items.pop_front() {
            let at = item.job;
            let Some(inputs) = self.inputs(item) else { continue };
            let inputs_rows = rows(&inputs);
            if !self.has_room(&batch, &inputs, inputs_rows) {
                self.run(std::mem::take(&mut batch));
            }
            batch.rows += inputs_rows;
            batch.items.push((at, inputs));
        }
        self.run(batch);
    }

    /// Decodes a job and takes it among those to be answered.
    fn open(&mut self, mut job: Box<dyn Job>) -> Vec<Item> {
        job.begin(self.last);
        if job.is_moot(self.last) {
            return Vec::new();
        }
        let read = self.guarded(|model| {
            let read = job.decode(model)?;
            if let Request::Tensors(inputs) = &read.request {
                model.check(inputs)?;
            }
            Ok(read)
        });
        job.times().decode += self.lap();
        let Read { request, prepared } = match read {
            Ok(read) => read,
            Err(refusal) => {
                self.finish(job, Err(refusal));
                return Vec::new();
            }
        };
        let (is_of_images, contents) = match (request, prepared) {
            (Request::Images(_), Some(input)) => (true, vec![Content::Tensors(vec![input.into()])]),
            (Request::Tensors(inputs), _) => (false, vec![Content::Tensors(inputs)]),
            (Request::Images(images), None) => {
                let place = |index| (images.len() > 1).then_some(index);
                let places: Vec<_> = (0..images.len()).map(place).collect();
                let images = places.into_iter().zip(images);
                (true, images.map(|(place, bytes)| Content::Image(place, bytes)).collect())
            }
        };
        let at = self.jobs.len();
        if contents.is_empty() {
            self.finish(job, Ok(Outcome::Answers(Vec::new())));
            return Vec::new();
        }
        self.jobs.push(Some(Open { job, left: contents.len(), is_of_images, answers: Vec::new() }));
        contents.into_iter().map(|content| Item { job: at, content }).collect()
    }

    /// The inputs of an item; none when its job is refused, by this or an earlier item.
    fn inputs(&mut self, item: Item) -> Option<Vec<Value>> {
        self.jobs[item.job].as_ref()?;
        let (place, image) = match item.content {
            Content::Tensors(inputs) => return Some(inputs),
            Content::Image(place, image) => (place, image),
        };
        let made = self.guarded(|model| {
            let inputs = vec![model.prepare(&image, place)?.into()];
            model.check(&inputs)?;
            Ok(inputs)
        });
        let time = self.lap();
        match made {
            Ok(inputs) => {
                self.jobs[item.job].as_mut()?.job.times().decode += time;
                Some(inputs)
            }
            Err(refusal) => {
                self.refuse(item.job, refusal);
                None
            }
        }
    }

    fn has_room(&self, batch: &Batch, inputs: &[Value], rows: usize) -> bool {
        match batch.items.first() {
            None => true,
            Some((_, first)) => {
                batch.rows + rows <= self.model.batching().max_rows && fit(first, inputs)
            }
        }
    }

    /// Runs a batch. One that fails runs again item by item: neighbors are not refused for what
    /// one of them asked.
    fn run(&mut self, batch: Batch) {
        if let [_, _, ..] = batch.items.as_slice() {
            let made = self.guarded(|model| run_together(model, &batch.items));
            if let Ok(outputs) = made {
                let time = self.lap();
                self.count(batch.rows, time);
                for ((at, _), outputs) in batch.items.into_iter().zip(outputs) {
                    self.deliver(at, Ok(outputs), time);
                }
                return;
            }
        }
        for (at, inputs) in batch.items {
            let made = self.guarded(|model| model.run(&inputs));
            let time = self.lap();
            if made.is_ok() {
                self.count(rows(&inputs), time);
            }
            self.deliver(at, made, time);
        }
    }

    /// The model ran once.
    fn count(&self, rows: usize, time: Duration) {
        self.model.statistics().executed(self.model.batch_size(rows), time);
    }

    /// Hands outputs to their job, and answers it when they were the last.
    fn deliver(&mut self, at: usize, made: Result<Vec<Value>, Refusal>, time: Duration) {
        let Some(open) = self.jobs[at].as_mut() else { return };
        open.job.times().infer += time;
        let outputs = match made {
            Ok(outputs) => outputs,
            Err(refusal) => return self.refuse(at, refusal),
        };
        open.left -= 1;
        let outcome = if open.is_of_images {
            let answer = self.guarded(|model| model.classes(&outputs));
            let time = self.lap();
            let Some(open) = self.jobs[at].as_mut() else { return };
            open.job.times().encode += time;
            match answer {
                Err(refusal) => return self.refuse(at, refusal),
                Ok(answer) => open.answers.push(answer),
            }
            if open.left > 0 {
                return;
            }
            Outcome::Answers(std::mem::take(&mut open.answers))
        } else {
            Outcome::Tensors(outputs)
        };
        if let Some(open) = self.jobs[at].take() {
            self.finish(open.job, Ok(outcome));
        }
    }

    fn refuse(&mut self, at: usize, refusal: Refusal) {
        if let Some(open) = self.jobs[at].take() {
            self.finish(open.job, Err(refusal));
        }
    }

    fn finish(&mut self, job: Box<dyn Job>, outcome: Result<Outcome, Refusal>) {
        let since = self.last;
        // A panic drops the job's sender, which tells the waiting side.
        let finished = catch_unwind(AssertUnwindSafe(|| job.finish(self.model, outcome, since)));
        let metrics = self.model.metrics();
        match finished {
            Ok((times, now)) => {
                self.last = now;
                for (stage, time) in times.stages() {
                    metrics.stage(stage, time);
                }
            }
            Err(_) => metrics.job_panic(),
        }
    }

    /// How long the stage took that ends now.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.last, now)
    }

    fn guarded<T>(&self, act: impl FnOnce(&Servable) -> Result<T, Refusal>) -> Result<T, Refusal> {
        guarded(self.model, act)
    }
}

/// What `act` gives; a panic costs the request that it was for and no other. Nothing that
/// outlives the request is shared with it, so nothing is left in a broken state.
fn guarded<T>(
    model: &Servable,
    act: impl FnOnce(&Servable) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(|| act(model))).unwrap_or_else(|_| {
        model.metrics().job_panic();
        Err(Refusal::Panicked)
    })
}

/// The outputs of each item.
fn run_together(
    model: &Servable,
    items: &[(usize, Vec<Value>)],
) -> Result<Vec<Vec<Value>>, Refusal> {
    let requests: Vec<&[Value]> = items.iter().map(|(_, inputs)| inputs.as_slice()).collect();
    let rows: Vec<usize> = requests.iter().map(|inputs| rows(inputs)).collect();
    let failure = |reason| model.failure(reason);
    let outputs = model.run(&join(&requests).map_err(failure)?)?;
    part(&outputs, &rows).map_err(failure)
}
