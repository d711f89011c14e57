//! Orders of jobs.

use super::*;
use crate::testing::echo;
use repository::{Batching, Priorities, QueuePolicy};
use std::time::Duration;

fn models() -> [Arc<Servable>; 3] {
    ["a", "b", "c"].map(|name| Arc::new(echo(name)))
}

/// What is to run next.
fn run<J>(queue: &Queue<J>) -> Option<Taken<J>> {
    queue.pop().map(|work| match work {
        Work::Run(taken) => taken,
        Work::Read(_) => unreachable!("no request says how urgent it is"),
    })
}

fn order(queue: &Queue<()>) -> Vec<String> {
    queue.close();
    std::iter::from_fn(|| run(queue)).map(|taken| taken.model.name().to_string()).collect()
}

#[test]
fn lanes_are_served_in_turn() {
    let queue = Queue::new(10);
    let [a, b, c] = models();
    for model in [&a, &a, &a, &b, &c, &b] {
        queue.push(model, ()).unwrap();
    }
    assert_eq!(order(&queue), ["a", "b", "c", "a", "b", "a"]);
}

#[test]
fn a_full_lane_does_not_close_the_others() {
    let queue = Queue::new(2);
    let [a, b, _] = models();
    queue.push(&a, ()).unwrap();
    queue.push(&a, ()).unwrap();
    assert_eq!(queue.push(&a, ()), Err(Refusal::QueueFull { limit: 2 }));
    assert_eq!(queue.push(&b, ()), Ok(()));
    run(&queue).unwrap();
    assert_eq!(queue.push(&a, ()), Ok(()));
}

#[test]
fn a_closed_queue_gives_the_rest() {
    let queue = Queue::new(2);
    let [a, ..] = models();
    queue.push(&a, ()).unwrap();
    queue.close();
    assert!(queue.pop().is_some());
    assert!(queue.pop().is_none());
}

fn batched(max_rows: usize, delay_ms: u64) -> Arc<Servable> {
    let max_delay = Duration::from_millis(delay_ms);
    let batching = Batching { max_rows, preferred: Vec::new(), max_delay };
    Arc::new(echo("batched").with_batching(batching))
}

#[test]
fn what_waits_is_taken_together() {
    let (queue, model) = (Queue::new(10), batched(4, 0));
    for job in 0..6 {
        queue.push(&model, job).unwrap();
    }
    let sizes = [run(&queue), run(&queue)].map(|taken| taken.unwrap().jobs);
    assert_eq!(sizes, [vec![0, 1, 2, 3], vec![4, 5]]);
}

#[test]
fn a_lane_that_waits_for_more_does_not_hold_up_another() {
    let (queue, patient) = (Queue::new(10), batched(4, 60_000));
    let [a, ..] = models();
    queue.push(&patient, 0).unwrap();
    queue.push(&a, 1).unwrap();
    assert_eq!(run(&queue).unwrap().jobs, [1]);
    for job in [2, 3, 4] {
        queue.push(&patient, job).unwrap();
    }
    assert_eq!(run(&queue).unwrap().jobs, [0, 2, 3, 4], "a full batch does not wait");
}

#[test]
fn the_delay_ends() {
    let (queue, patient) = (Queue::new(10), batched(4, 20));
    let start = Instant::now();
    queue.push(&patient, 0).unwrap();
    assert_eq!(run(&queue).unwrap().jobs, [0]);
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn what_is_next_is_read_while_every_worker_runs() {
    let queue = Queue::new(10);
    let [a, ..] = models();
    for job in [1, 2, 3] {
        queue.push(&a, job).unwrap();
    }
    let first = queue.pop_unread().unwrap();
    assert_eq!(first.job, 1);
    assert!(queue.lock().unread().is_none(), "the second is not next");
    assert_eq!(run(&queue).unwrap().jobs, [2], "what is being read is passed over");
    queue.put_back(first, 0).unwrap();
    assert!(queue.lock().unread().is_none(), "the first has been read");
    assert_eq!(run(&queue).unwrap().jobs, [1]);
    queue.lock().idle_workers = 1;
    assert!(queue.lock().unread().is_none(), "a worker is about to take it");
}

/// What a lane with levels should do.
#[derive(Default)]
struct Twin {
    /// Jobs that nobody has read, in the order of their arrival.
    unread: Vec<u64>,
    /// Level and job, which are numbered in the order of their arrival.
    read: Vec<(u64, u64)>,
}

#[test]
fn the_more_urgent_go_first_and_equals_in_the_order_of_arrival() {
    let mut random = testkit::Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..200 {
        let levels = 1 + random.below(4) as u64;
        let default_level = 1 + random.below(levels as usize) as u64;
        let priorities = Priorities { levels, default_level, ..Priorities::default() };
        let model = Arc::new(echo("levels").with_priorities(priorities));
        let (queue, mut twin) = (Queue::new(1000), Twin::default());
        let mut reading: Vec<Unread<u64>> = Vec::new();
        for job in 0..60 {
            queue.push(&model, job).unwrap();
            twin.unread.push(job);
            for _ in 0..random.below(4) {
                if reading.len() > random.below(3) {
                    let unread = reading.swap_remove(random.below(reading.len()));
                    let priority = random.below(levels as usize + 3) as u64;
                    let is_level = (1..=levels).contains(&priority);
                    twin.read.push((if is_level { priority } else { default_level }, unread.job));
                    queue.put_back(unread, priority).unwrap();
                }
                let work = queue.lock().work(Instant::now());
                match (work, twin.unread.is_empty()) {
                    (Some(Work::Read(unread)), false) => {
                        assert_eq!(unread.job, twin.unread.remove(0));
                        reading.push(unread);
                    }
                    (Some(Work::Run(taken)), true) => {
                        let (at, next) =
                            twin.read.iter().enumerate().min_by_key(|(_, r)| **r).unwrap();
                        assert_eq!(taken.jobs, [next.1]);
                        twin.read.remove(at);
                    }
                    (None, true) => assert_eq!(twin.read, []),
                    _ => panic!("all that can be read is read before anything runs"),
                }
            }
        }
    }
}

#[test]
fn a_level_holds_as_many_as_it_may() {
    let last = QueuePolicy { max_length: 1, max_wait: None };
    let by_level = [(2, last)].into();
    let priorities = Priorities { levels: 2, default_level: 1, by_level, ..Priorities::default() };
    let model = Arc::new(echo("levels").with_priorities(priorities));
    let queue = Queue::new(10);
    let put = |job: u64, priority: u64| {
        queue.push(&model, job).unwrap();
        let Some(Work::Read(unread)) = queue.pop() else { unreachable!("it is unread") };
        queue.put_back(unread, priority)
    };
    assert_eq!(put(1, 2), Ok(()));
    assert_eq!(put(2, 2), Err((2, Refusal::QueueFull { limit: 1 })));
    assert_eq!(put(3, 1), Ok(()));
    assert_eq!([run(&queue), run(&queue)].map(|taken| taken.unwrap().jobs), [vec![3], vec![1]]);
    let all = QueuePolicy { max_length: 2, max_wait: None };
    let model =
        Arc::new(echo("short").with_priorities(Priorities { queue: all, ..Priorities::default() }));
    let pushed = [1, 2, 3].map(|job| queue.push(&model, job).is_ok());
    assert_eq!(pushed, [true, true, false]);
}
