//! Requests that wait for the same model run together, and nobody can tell from the answers.

use monitor::Metrics;
use plan::{Port, Signature};
use repository::Batching;
use server::{Engine, Exchange, Limits, Outcome, Refusal, Request, Servable, Service};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tensor::{DType, Dim, Tensor, Value};
use tokio::task::JoinHandle;

/// Doubles its rows, notes how many it got at once, fails or panics over some numbers.
struct Doubler {
    signature: Signature,
    runs: Arc<Mutex<Vec<usize>>>,
}

/// Rows that the model does not bear.
const FAILS: f32 = -1.0;
const PANICS: f32 = -2.0;
/// A row that takes its time.
const SLOW: f32 = -3.0;

impl Engine for Doubler {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, String> {
        let x = inputs[0].as_slice::<f32>().map_err(|e| e.to_string())?;
        self.runs.lock().unwrap().push(x.len());
        assert!(!x.contains(&PANICS), "a row that panics");
        if x.contains(&FAILS) {
            return Err("a row that fails".to_string());
        }
        if x.contains(&SLOW) {
            std::thread::sleep(Duration::from_millis(200));
        }
        let doubled: Vec<f32> = x.iter().map(|x| 2.0 * x).collect();
        Ok(vec![Tensor::from_slice(inputs[0].shape(), &doubled).unwrap().into()])
    }
}

/// Rows there, rows back.
struct Rows(Vec<f32>);

impl Exchange for Rows {
    type Reply = Vec<f32>;

    fn decode(&mut self, _: &Servable) -> Result<Request, Refusal> {
        Ok(Request::Tensors(vec![Tensor::from_slice(&[self.0.len()], &self.0).unwrap().into()]))
    }

    fn encode(self, _: &Servable, outcome: Outcome) -> Result<Vec<f32>, Refusal> {
        let Outcome::Tensors(outputs) = outcome else { unreachable!("tensors were asked") };
        Ok(outputs[0].as_slice::<f32>().unwrap().to_vec())
    }
}

type Answer = Result<Vec<f32>, Refusal>;

/// A service of one worker, and what its model saw.
struct Bench {
    service: Service,
    runs: Arc<Mutex<Vec<usize>>>,
    model: Arc<Servable>,
}

impl Bench {
    fn new(max_rows: usize) -> Bench {
        let limits = Limits { workers: NonZeroUsize::MIN, ..Limits::default() };
        let service = Service::new(limits, Metrics::new()).unwrap();
        let port = |name: &str| Port {
            name: name.to_string(),
            dtype: DType::F32,
            shape: vec![Dim::symbol("n")],
        };
        let signature = Signature { inputs: vec![port("x")], outputs: vec![port("y")] };
        let runs: Arc<Mutex<Vec<usize>>> = Arc::default();
        let batching = Batching { max_rows, ..Batching::OFF };
        let model = Servable::new("doubler", Doubler { signature, runs: runs.clone() });
        Bench { service, runs, model: Arc::new(model.with_batching(batching)) }
    }

    fn ask(&self, rows: &[f32], timeout: Option<Duration>) -> JoinHandle<Answer> {
        let (service, model, rows) = (self.service.clone(), self.model.clone(), Rows(rows.into()));
        tokio::spawn(async move { Ok(service.answer(model, rows, timeout).await?.0) })
    }

    /// Keeps the only worker busy, so that what is asked next waits.
    async fn occupy(&self) -> JoinHandle<Answer> {
        let slow = self.ask(&[SLOW], None);
        while self.runs.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        slow
    }

    /// The answers to requests that wait at the same time, and the sizes of what ran for them.
    async fn crowd(&self, requests: &[&[f32]]) -> (Vec<Answer>, Vec<usize>) {
        let slow = self.occupy().await;
        let asked: Vec<_> = requests.iter().map(|rows| self.ask(rows, None)).collect();
        let mut answers = Vec::new();
        for asked in asked {
            answers.push(asked.await.unwrap());
        }
        slow.await.unwrap().unwrap();
        (answers, self.runs.lock().unwrap()[1..].to_vec())
    }
}

#[tokio::test]
async fn what_waits_runs_together_up_to_the_most_rows() {
    let bench = Bench::new(4);
    let (answers, runs) = bench.crowd(&[&[1.0], &[2.0, 3.0], &[4.0, 5.0], &[6.0]]).await;
    let expected = [vec![2.0], vec![4.0, 6.0], vec![8.0, 10.0], vec![12.0]];
    assert_eq!(answers, expected.map(Ok));
    assert_eq!(runs, [3, 3], "1 + 2 rows, then 2 + 1: five are more than four");
}

#[tokio::test]
async fn without_batching_each_runs_alone() {
    let bench = Bench::new(1);
    let (answers, runs) = bench.crowd(&[&[1.0], &[2.0, 3.0]]).await;
    assert_eq!(answers, [Ok(vec![2.0]), Ok(vec![4.0, 6.0])]);
    assert_eq!(runs, [1, 2]);
}

#[tokio::test]
async fn a_row_that_fails_costs_its_own_request_only() {
    for (bad, is_expected) in [
        (FAILS, (|r| matches!(r, Refusal::Engine { .. })) as fn(&Refusal) -> bool),
        (PANICS, |r| matches!(r, Refusal::Panicked)),
    ] {
        let bench = Bench::new(8);
        let (answers, runs) = bench.crowd(&[&[1.0], &[bad], &[3.0]]).await;
        assert_eq!((&answers[0], &answers[2]), (&Ok(vec![2.0]), &Ok(vec![6.0])));
        assert!(answers[1].as_ref().is_err_and(is_expected), "{answers:?}");
        assert_eq!(runs, [3, 1, 1, 1]);
    }
}

#[tokio::test]
async fn what_nobody_can_have_in_time_does_not_run() {
    let bench = Bench::new(1);
    let slow = bench.occupy().await;
    let late = bench.ask(&[1.0], Some(Duration::from_millis(20)));
    let gone = bench.ask(&[2.0], None);
    let last = bench.ask(&[3.0], None);
    tokio::time::sleep(Duration::from_millis(40)).await;
    gone.abort();
    let late = late.await.unwrap();
    assert_eq!(late, Err(Refusal::DeadlineExceeded { milliseconds: 20 }));
    assert_eq!(last.await.unwrap(), Ok(vec![6.0]));
    slow.await.unwrap().unwrap();
    assert_eq!(*bench.runs.lock().unwrap(), [1, 1], "the slow one and the last one");
}

#[tokio::test]
async fn a_request_that_waits_for_others_is_still_answered() {
    let bench = Bench::new(8);
    let batching = Batching { max_rows: 8, max_delay: Duration::from_millis(30), ..Batching::OFF };
    let Ok(model) = Arc::try_unwrap(bench.model) else { unreachable!("nobody else has it") };
    let bench = Bench { model: Arc::new(model.with_batching(batching)), ..bench };
    let asked = [bench.ask(&[1.0], None), bench.ask(&[2.0], None)];
    for (asked, expected) in asked.into_iter().zip([2.0, 4.0]) {
        assert_eq!(asked.await.unwrap(), Ok(vec![expected]));
    }
    assert_eq!(*bench.runs.lock().unwrap(), [2], "both in one run after the delay");
}
