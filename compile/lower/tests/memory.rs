//! The arena of random models beside the most that is alive at one step.

use fuzzing::nets;
use runtime::{Constants, Model};

#[test]
fn the_arena_is_little_larger_than_what_is_alive_at_once() {
    let nets = (0..40).flat_map(|seed| [nets::image(seed, 5..64), nets::text(seed, 1..150)]);
    let (mut arena, mut live) = (0, 0);
    for mut net in nets {
        net.graph.output("y", net.value);
        let lowered = lower::lower(&net.graph).unwrap();
        let sizes = lowered.plan.defaults.clone();
        let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
        let (needed, bound) =
            (model.arena_bytes(&sizes).unwrap(), model.live_bytes(&sizes).unwrap());
        assert!(needed >= bound);
        assert!(needed * 10 <= bound * 12, "{needed} bytes for {bound}\n{}", model.plan());
        (arena, live) = (arena + needed, live + bound);
    }
    assert!(arena * 100 <= live * 103, "{arena} bytes for {live}");
}
