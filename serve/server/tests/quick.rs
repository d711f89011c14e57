//! Small requests of quick models are answered where they were received, and nobody else's are.

use monitor::Metrics;
use plan::{Port, Signature};
use server::{Engine, Exchange, Limits, Outcome, Refusal, Request, Servable, Service};
use std::sync::Arc;
use std::thread::{ThreadId, current};
use std::time::Duration;
use tensor::{DType, Dim, Tensor, Value};

/// Gives back its input after so long; a negative number panics.
struct Echo(Signature, Duration);

impl Engine for Echo {
    fn signature(&self) -> &Signature {
        &self.0
    }

    fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, String> {
        assert!(inputs[0].as_slice::<f32>().unwrap()[0] >= 0.0, "a row that panics");
        std::thread::sleep(self.1);
        Ok(inputs.to_vec())
    }
}

/// One number there, the thread that answered back.
struct Asked {
    number: f32,
    is_small: bool,
}

impl Exchange for Asked {
    type Reply = ThreadId;

    fn decode(&mut self, _: &Servable) -> Result<Request, Refusal> {
        Ok(Request::Tensors(vec![Tensor::from_slice(&[1], &[self.number]).unwrap().into()]))
    }

    fn is_small(&self) -> bool {
        self.is_small
    }

    fn encode(self, _: &Servable, _: Outcome) -> Result<ThreadId, Refusal> {
        Ok(current().id())
    }
}

fn service() -> Service {
    Service::new(Limits::default(), Metrics::new()).unwrap()
}

/// A model that was measured to take `measured` and takes `time`.
fn model(measured: Duration, time: Duration) -> Arc<Servable> {
    let port = |name: &str| Port {
        name: name.to_string(),
        dtype: DType::F32,
        shape: vec![Dim::symbol("n")],
    };
    let signature = Signature { inputs: vec![port("x")], outputs: vec![port("y")] };
    Arc::new(Servable::new("echo", Echo(signature, time)).with_run_time(measured))
}

const QUICK: Duration = Duration::from_micros(1);

/// Was the request answered on this thread?
async fn is_here(service: &Service, model: &Arc<Servable>, is_small: bool) -> bool {
    let asked = Asked { number: 1.0, is_small };
    let (thread, _) = service.answer(model.clone(), asked, None).await.unwrap();
    thread == current().id()
}

#[tokio::test]
async fn only_small_requests_of_quick_models_are_answered_here() {
    let service = service();
    let quick = model(QUICK, Duration::ZERO);
    assert!(is_here(&service, &quick, true).await);
    assert!(!is_here(&service, &quick, false).await);
    assert!(!is_here(&service, &model(Duration::from_millis(5), Duration::ZERO), true).await);
    assert_eq!(quick.counts().executions, 2);
}

#[tokio::test]
async fn a_model_that_takes_long_is_not_quick_again() {
    let service = service();
    let deceptive = model(QUICK, Duration::from_millis(5));
    // One that was interrupted says nothing yet; four in a row do.
    let mut answered_here = 0;
    while is_here(&service, &deceptive, true).await {
        answered_here += 1;
    }
    assert!((1..=4).contains(&answered_here), "{answered_here}");
    assert!(!is_here(&service, &deceptive, true).await);
}

#[tokio::test]
async fn a_panic_costs_its_own_request() {
    let (service, quick) = (service(), model(QUICK, Duration::ZERO));
    let asked = Asked { number: -1.0, is_small: true };
    let refused = service.answer(quick.clone(), asked, None).await;
    assert_eq!(refused.unwrap_err(), Refusal::Panicked);
    // Where it is answered depends on how long the panic took to be told.
    is_here(&service, &quick, true).await;
}
