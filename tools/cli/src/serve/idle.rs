//! What a server does while nobody asks it anything.

use server::Service;
use std::time::Duration;

/// How long nobody must have asked. 5 s: what was given back comes again with the next request, in
/// less than a millisecond, which is nothing to one that comes after so long.
const QUIET: Duration = Duration::from_secs(5);

/// Gives memory back to the system whenever the server has become idle. Never ends.
pub(super) async fn give_back(service: Service) {
    let activity = || service.metrics().activity();
    // What loading has left was given back.
    let (mut before, mut is_given_back) = (activity(), true);
    loop {
        tokio::time::sleep(QUIET).await;
        let now = activity();
        if now != before {
            (before, is_given_back) = (now, false);
        } else if !is_given_back {
            // It ends early only with the runtime.
            let _ = tokio::task::spawn_blocking(runtime::give_back_freed_memory).await;
            is_given_back = true;
        }
    }
}
