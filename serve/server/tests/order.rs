//! Which requests go first, and that those who read ahead change nothing but the time.

use monitor::Metrics;
use plan::{Port, Signature};
use repository::{Priorities, QueuePolicy};
use server::{Engine, Exchange, Limits, Outcome, Refusal, Request, Servable, Service};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tensor::{DType, Dim, Tensor, Value};
use tokio::task::JoinHandle;

/// Gives back its input and notes it; takes as many milliseconds as it says.
struct Noting(Signature, Arc<Mutex<Vec<f32>>>);

impl Engine for Noting {
    fn signature(&self) -> &Signature {
        &self.0
    }

    fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, String> {
        let x = inputs[0].as_slice::<f32>().map_err(|e| e.to_string())?[0];
        self.1.lock().unwrap().push(x);
        std::thread::sleep(Duration::from_millis(x as u64));
        Ok(inputs.to_vec())
    }
}

/// A number that says how urgent it is; a negative one is no request.
struct Urgent(f32, u64);

impl Exchange for Urgent {
    type Reply = f32;

    fn decode(&mut self, _: &Servable) -> Result<Request, Refusal> {
        assert!(!self.0.is_nan(), "one that cannot be read");
        match self.0 < 0.0 {
            true => Err(Refusal::InvalidArgument("negative".to_string())),
            false => {
                Ok(Request::Tensors(vec![Tensor::from_slice(&[1], &[self.0]).unwrap().into()]))
            }
        }
    }

    fn priority(&self) -> u64 {
        self.1
    }

    fn encode(self, _: &Servable, outcome: Outcome) -> Result<f32, Refusal> {
        let Outcome::Tensors(outputs) = outcome else { unreachable!("tensors were asked") };
        Ok(outputs[0].as_slice::<f32>().unwrap()[0])
    }
}

struct Bench {
    service: Service,
    model: Arc<Servable>,
    runs: Arc<Mutex<Vec<f32>>>,
}

impl Bench {
    fn new(readers: usize, priorities: Priorities) -> Bench {
        let limits = Limits { workers: NonZeroUsize::MIN, readers, ..Limits::default() };
        let service = Service::new(limits, Metrics::new()).unwrap();
        let port = |name: &str| Port {
            name: name.to_string(),
            dtype: DType::F32,
            shape: vec![Dim::symbol("n")],
        };
        let signature = Signature { inputs: vec![port("x")], outputs: vec![port("y")] };
        let runs: Arc<Mutex<Vec<f32>>> = Arc::default();
        let model = Servable::new("noting", Noting(signature, runs.clone()));
        Bench { service, model: Arc::new(model.with_priorities(priorities)), runs }
    }

    fn ask(&self, number: f32, priority: u64) -> JoinHandle<Result<f32, Refusal>> {
        let (service, model) = (self.service.clone(), self.model.clone());
        let asked = async move { service.answer(model, Urgent(number, priority), None).await };
        tokio::spawn(async move { Ok(asked.await?.0) })
    }

    /// Keeps the only worker busy for 100 ms.
    async fn occupy(&self) -> JoinHandle<Result<f32, Refusal>> {
        let slow = self.ask(100.0, 0);
        while self.runs.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        slow
    }
}

fn levels(levels: u64, default_level: u64) -> Priorities {
    Priorities { levels, default_level, ..Priorities::default() }
}

#[tokio::test]
async fn the_more_urgent_run_first() {
    for readers in [0, 1] {
        let bench = Bench::new(readers, levels(3, 2));
        let slow = bench.occupy().await;
        let asked = [(1.0, 3), (2.0, 0), (3.0, 1), (4.0, 2), (5.0, 9), (6.0, 1)];
        let asked = asked.map(|(number, priority)| bench.ask(number, priority));
        for asked in asked {
            asked.await.unwrap().unwrap();
        }
        slow.await.unwrap().unwrap();
        assert_eq!(*bench.runs.lock().unwrap(), [100.0, 3.0, 6.0, 2.0, 4.0, 5.0, 1.0], "{readers}");
    }
}

#[tokio::test]
async fn without_levels_a_priority_says_nothing() {
    let bench = Bench::new(0, Priorities::default());
    let slow = bench.occupy().await;
    for asked in
        [(1.0, 3), (2.0, 1), (3.0, 2)].map(|(number, priority)| bench.ask(number, priority))
    {
        asked.await.unwrap().unwrap();
    }
    slow.await.unwrap().unwrap();
    assert_eq!(*bench.runs.lock().unwrap(), [100.0, 1.0, 2.0, 3.0]);
}

#[tokio::test]
async fn a_level_says_how_long_its_requests_may_wait() {
    let impatient = QueuePolicy { max_length: 0, max_wait: Some(Duration::from_millis(20)) };
    let by_level = [(2, impatient)].into();
    let bench = Bench::new(0, Priorities { by_level, ..levels(2, 1) });
    let slow = bench.occupy().await;
    let [patient, late] =
        [(1.0, 1), (2.0, 2)].map(|(number, priority)| bench.ask(number, priority));
    assert_eq!(patient.await.unwrap(), Ok(1.0));
    assert_eq!(late.await.unwrap(), Err(Refusal::WaitTimeout));
    slow.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_read_ahead_is_answered_alike() {
    for readers in [1, 3] {
        let bench = Bench::new(readers, Priorities::default());
        let slow = bench.occupy().await;
        let numbers = [1.0, -1.0, 0.0, f32::NAN, 2.0].repeat(10);
        let asked: Vec<_> = numbers.iter().map(|&number| (number, bench.ask(number, 0))).collect();
        for (number, asked) in asked {
            match asked.await.unwrap() {
                Ok(found) => assert_eq!(found, number),
                Err(Refusal::InvalidArgument(_)) => assert!(number < 0.0),
                Err(refusal) => assert!(number.is_nan() && refusal == Refusal::Panicked),
            }
        }
        slow.await.unwrap().unwrap();
        assert_eq!(bench.service.metrics().model("noting").queue_depth(), 0);
    }
}
