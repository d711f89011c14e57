//! The one form of quotients, minima and maxima, so that what a chain of layers makes of a size
//! stays as short as what the first one makes, and equal sizes are equal.

use crate::Dim;
use crate::dim::{Atom, Term};

/// The smaller or the larger of two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extreme {
    Min,
    Max,
}

impl Extreme {
    fn of(self, a: i64, b: i64) -> i64 {
        match self {
            Extreme::Min => a.min(b),
            Extreme::Max => a.max(b),
        }
    }
}

impl Dim {
    /// The quotient by a number above 1, rounded towards minus infinity. What the number divides
    /// stands outside of the quotient; a quotient of a quotient is one, and that of a minimum or
    /// maximum is the one of quotients.
    pub(crate) fn divided(&self, divisor: i64) -> Dim {
        let (mut whole, mut rest, mut constant) = (Vec::new(), Vec::new(), 0);
        for Term { atoms, coefficient } in self.terms.iter().cloned() {
            let is_even = coefficient % divisor == 0;
            if atoms.is_empty() {
                constant = coefficient.rem_euclid(divisor);
            }
            match atoms.is_empty() || is_even {
                true => whole.push(Term { atoms, coefficient: coefficient.div_euclid(divisor) }),
                false => rest.push(Term { atoms, coefficient }),
            }
        }
        // A rest that is below the divisor makes nothing.
        if rest.is_empty() {
            return Dim { terms: whole }.normalized();
        }
        let rest = Dim { terms: rest };
        Dim { terms: whole } + rest.divided_rest(constant, divisor)
    }

    /// `(self + constant) / divisor`, where nothing of it stands outside.
    fn divided_rest(self, constant: i64, divisor: i64) -> Dim {
        let shift = Dim::from(constant);
        match self.as_atom() {
            // (a / b + c) / d = (a + b * c) / (b * d)
            Some(Atom::FloorDiv(a, b)) => {
                let joined = b.known().filter(|&b| b > 0).and_then(|b| b.checked_mul(divisor));
                if let Some(joined) = joined {
                    let dividend = (**a).clone() + (**b).clone() * shift;
                    return Dim::quotient(&dividend, &Dim::from(joined));
                }
            }
            Some(Atom::Min(a, b)) => return each_divided(a, b, &shift, divisor, Extreme::Min),
            Some(Atom::Max(a, b)) => return each_divided(a, b, &shift, divisor, Extreme::Max),
            _ => {}
        }
        Dim::quotient(&(self + shift), &Dim::from(divisor))
    }

    /// A quotient as it stands.
    pub(crate) fn quotient(dividend: &Dim, divisor: &Dim) -> Dim {
        Dim::from_atom(Atom::FloorDiv(Box::new(dividend.clone()), Box::new(divisor.clone())))
    }

    /// The smaller or larger of the two. Of two sides that are told apart without their constants,
    /// the second one has none: it stands outside. Two numbers are one.
    pub(crate) fn extreme(&self, other: &Dim, extreme: Extreme) -> Dim {
        if let Some(apart) = (self.clone() - other.clone()).known() {
            let is_self = apart == extreme.of(apart, 0);
            return if is_self { self.clone() } else { other.clone() };
        }
        // The smaller one of a size and of the larger one of it and another is that size.
        let absorbing = self.absorbing(other, extreme);
        if let Some(size) = absorbing.or_else(|| other.absorbing(self, extreme)) {
            return size.clone();
        }
        let [(a, above), (b, beyond)] = [self, other].map(Dim::without_constant);
        let ((first, above), (second, beyond)) = match a < b {
            true => ((a, above), (b, beyond)),
            false => ((b, beyond), (a, above)),
        };
        let inner = match (second.as_atom(), extreme) {
            (Some(Atom::Min(x, y)), Extreme::Min) | (Some(Atom::Max(x, y)), Extreme::Max) => {
                x.known().filter(|_| first.terms.is_empty()).map(|x| (x, y))
            }
            _ => None,
        };
        if let Some((number, y)) = inner {
            let number = extreme.of(number.saturating_add(beyond), above);
            return ((**y).clone() + Dim::from(beyond)).extreme(&Dim::from(number), extreme);
        }
        let shift = Dim::from(beyond);
        let first = Box::new(first + Dim::from(above) - shift.clone());
        let atom = match extreme {
            Extreme::Min => Atom::Min(first, Box::new(second)),
            Extreme::Max => Atom::Max(first, Box::new(second)),
        };
        Dim::from_atom(atom) + shift
    }

    /// Itself, where the other one is the opposite extreme of it and something.
    fn absorbing(&self, other: &Dim, extreme: Extreme) -> Option<&Dim> {
        let (atom, shift) = other.without_constant();
        let (a, b) = match (atom.as_atom()?, extreme) {
            (Atom::Max(a, b), Extreme::Min) | (Atom::Min(a, b), Extreme::Max) => (a, b),
            _ => return None,
        };
        let side = self.clone() - Dim::from(shift);
        (side == **a || side == **b).then_some(self)
    }

    /// What it is without its constant, and the constant.
    fn without_constant(&self) -> (Dim, i64) {
        let is_constant = |term: &&Term| term.atoms.is_empty();
        let constant = self.terms.iter().find(is_constant).map_or(0, |term| term.coefficient);
        let terms = self.terms.iter().filter(|term| !is_constant(term)).cloned().collect();
        (Dim { terms }, constant)
    }

    /// The atom that it is.
    fn as_atom(&self) -> Option<&Atom> {
        match self.terms.as_slice() {
            [Term { atoms, coefficient: 1 }] if atoms.len() == 1 => atoms.first(),
            _ => None,
        }
    }
}

/// The smaller or larger quotient of two sides, each with something added.
fn each_divided(a: &Dim, b: &Dim, shift: &Dim, divisor: i64, extreme: Extreme) -> Dim {
    let divisor = Dim::from(divisor);
    let quotient = |side: &Dim| (side.clone() + shift.clone()).floor_div(&divisor);
    quotient(a).extreme(&quotient(b), extreme)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bindings;

    fn n() -> Dim {
        Dim::symbol("n")
    }

    fn at(dim: &Dim, n: i64) -> i64 {
        dim.evaluate(&Bindings::from([("n".to_string(), n)])).unwrap()
    }

    /// A layer with a kernel of 3 that moves by 2, with a border of 1.
    fn halved(size: &Dim) -> Dim {
        (size.clone() - Dim::from(1)).floor_div(&Dim::from(2)) + Dim::from(1)
    }

    #[test]
    fn a_chain_of_strided_layers_is_one_quotient() {
        let made = (0..5).fold(n(), |size, _| halved(&size));
        assert_eq!(made, (n() + Dim::from(31)).floor_div(&Dim::from(32)));
        // Areas at several scales joined, as detectors do.
        let scales = (0..7).scan(n(), |size, _| {
            *size = halved(size);
            Some((size.clone() - Dim::from(1)) * size.clone() * Dim::from(24))
        });
        let joined = scales.fold(Dim::default(), |sum, area| sum + area).floor_div(&Dim::from(6));
        let areas = [150, 75, 38, 19, 10, 5, 3].map(|side| side * (side - 1));
        assert_eq!(at(&joined, 300), 4 * areas.iter().sum::<i64>());
    }

    #[test]
    fn a_chain_of_pools_has_one_bound() {
        // Windows of 2 that move by 2; one counts at least, and a last one that breaks off.
        let pooled = |size: &Dim| {
            let slack = (size.clone() - Dim::from(2)).maximum(&Dim::default());
            let windows = slack.ceil_div(&Dim::from(2)) + Dim::from(1);
            windows.minimum(&size.ceil_div(&Dim::from(2)))
        };
        let made = (0..6).fold(n(), |size, _| pooled(&halved(&size)));
        assert!(made.to_string().len() < 100, "{made}");
        assert_eq!([1, 4096, 4097].map(|n| at(&made, n)), [1, 1, 2]);
    }

    #[test]
    fn a_constant_stands_outside_of_a_minimum() {
        let smaller = n().minimum(&Dim::from(7));
        let shifted = (n() + Dim::from(3)).minimum(&Dim::from(10));
        assert_eq!(shifted.clone() - smaller, Dim::from(3));
        assert_eq!(shifted.minimum(&Dim::from(9)), (n() + Dim::from(3)).minimum(&Dim::from(9)));
    }

    #[test]
    fn each_form_has_the_value_of_what_it_is_made_of() {
        for seed in 0..3000_i64 {
            let number = |step: i64, range: i64| (seed * step + step).rem_euclid(range);
            let (divisor, other) = (number(7, 5) + 2, number(11, 7) + 2);
            let linear = |a: i64, b: i64| n() * Dim::from(a) + Dim::from(b);
            let (a, b) = (
                linear(number(3, 9) - 4, number(5, 13) - 6),
                linear(number(23, 3), number(29, 11) - 5),
            );
            let quotient = a.floor_div(&Dim::from(other));
            let (least, most) = (quotient.minimum(&b), a.maximum(&Dim::from(number(31, 9) - 4)));
            let factor = Dim::from(number(13, 3) - 1);
            let sum = least.clone() * factor + most.clone() + Dim::from(number(19, 31) - 15);
            let made = [sum.floor_div(&Dim::from(divisor)), sum.ceil_div(&Dim::from(divisor))];
            let bounded = made[0].minimum(&Dim::from(4)).maximum(&Dim::from(number(37, 5) - 2));
            for value in -9..9 {
                let [a, b, quotient, least, most, sum] =
                    [&a, &b, &quotient, &least, &most, &sum].map(|dim| at(dim, value));
                assert_eq!(quotient, a.div_euclid(other));
                assert_eq!((least, most), (quotient.min(b), a.max(number(31, 9) - 4)));
                let expected = [sum.div_euclid(divisor), -(-sum).div_euclid(divisor)];
                assert_eq!(made.each_ref().map(|dim| at(dim, value)), expected, "{made:?}");
                assert_eq!(at(&bounded, value), expected[0].min(4).max(number(37, 5) - 2));
            }
            for dim in made.into_iter().chain([bounded, least, most, sum]) {
                let text = dim.to_string();
                assert_eq!(text.parse(), Ok(dim), "{text}");
            }
        }
    }
}
