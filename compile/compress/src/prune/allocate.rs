//! How much is taken from each part, when what that saves and what it damages has been measured.

/// What taking so much from a part does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice {
    /// What is saved, of anything that adds up.
    pub(super) saved: f64,
    /// What is damaged, of anything that about adds up.
    pub(super) damage: f64,
}

/// The option of each part, counted from one; zero where nothing is taken. In each part options
/// save more one after another. Steps of the least damage for what they save come first, until all
/// together save `target`, or as much as there is to be saved.
pub(super) fn allocate(parts: &[Vec<Choice>], target: f64) -> Vec<usize> {
    let mut chosen = vec![0; parts.len()];
    let mut saved = 0.0;
    let at = |part: usize, option: usize| match option.checked_sub(1) {
        Some(index) => parts[part][index],
        None => Choice { saved: 0.0, damage: 0.0 },
    };
    while saved < target {
        let mut best: Option<(f64, usize, usize)> = None;
        for (part, options) in parts.iter().enumerate() {
            let now = at(part, chosen[part]);
            // Steps over several options at once: a dear one may lie before a cheap one.
            for next in chosen[part] + 1..=options.len() {
                let then = at(part, next);
                let gain = then.saved - now.saved;
                let price = (then.damage - now.damage).max(0.0) / gain;
                if gain > 0.0 && best.is_none_or(|(least, _, _)| price < least) {
                    best = Some((price, part, next));
                }
            }
        }
        let Some((_, part, next)) = best else { break };
        saved += at(part, next).saved - at(part, chosen[part]).saved;
        chosen[part] = next;
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least damage of all choices that save enough.
    fn naive(parts: &[Vec<Choice>], target: f64) -> f64 {
        let Some((first, rest)) = parts.split_first() else {
            return if target <= 1e-9 { 0.0 } else { f64::INFINITY };
        };
        let none = Choice { saved: 0.0, damage: 0.0 };
        let choices = std::iter::once(&none).chain(first);
        let totals = choices.map(|option| option.damage + naive(rest, target - option.saved));
        totals.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn it_is_near_the_best_of_all_choices() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..50 {
            let part = |random: &mut fastrand::Rng| -> Vec<Choice> {
                let sizes = [random.f64(), random.f64()];
                let option = |i: i32| Choice {
                    saved: sizes[0] * f64::from(i),
                    damage: sizes[1] * f64::from(i * i) * random.f64(),
                };
                (1..=4).map(option).collect()
            };
            let parts: Vec<Vec<Choice>> = (0..5).map(|_| part(&mut random)).collect();
            let all: f64 = parts.iter().map(|part| part[3].saved).sum();
            let chosen = allocate(&parts, all / 2.0);
            let picked = || {
                let options = chosen.iter().zip(&parts).filter(|(chosen, _)| **chosen > 0);
                options.map(|(&chosen, part)| part[chosen - 1])
            };
            assert!(picked().map(|option| option.saved).sum::<f64>() >= all / 2.0);
            let damage: f64 = picked().map(|option| option.damage).sum();
            let best = naive(&parts, all / 2.0);
            assert!(damage <= best * 2.0 + 0.05, "{damage} {best}");
        }
    }

    #[test]
    fn more_than_there_is_takes_all() {
        let part = vec![Choice { saved: 1.0, damage: 1.0 }, Choice { saved: 2.0, damage: 9.0 }];
        assert_eq!(allocate(&[part, vec![]], 5.0), [2, 0]);
    }
}
