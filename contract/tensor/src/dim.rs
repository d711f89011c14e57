//! Symbolic dimensions: polynomials over named sizes, kept in one normal form, so that equal
//! sizes are equal values and a chain of shape arithmetic in a model folds away.
//!
//! A [`Dim`] is a sum of [`Term`]s; a term is an integer coefficient times a product of
//! [`Atom`]s; an atom is a symbol or a division, minimum or maximum that could not be resolved.
//! Terms and atoms are sorted, no coefficient is zero, and the constant zero has no terms.
//! A sum or coefficient that overflows, and an expression of more than [`COMPLEXITY_MAX`] parts,
//! becomes the largest integer: a size that no memory can hold.

use crate::dim_form::Extreme;
use std::collections::BTreeMap;

/// The most terms and atoms that an expression may have, all those inside its atoms counted, so
/// that no chain of operators in a hostile model can double a size until memory ends. Sizes of
/// real models have fewer than twenty.
const COMPLEXITY_MAX: usize = 500;

/// A size that is known when the model runs: `3`, `n`, `4*h + 2`, `(w + 1) / 2`.
///
/// ```
/// use tensor::Dim;
/// let n = Dim::symbol("n");
/// let rows = n.clone() * Dim::from(6);
/// assert_eq!(rows.floor_div(&Dim::from(3)), n * Dim::from(2));
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dim {
    pub(crate) terms: Vec<Term>,
}

/// `coefficient * atoms[0] * atoms[1] * …`
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    pub(crate) atoms: Vec<Atom>,
    pub(crate) coefficient: i64,
}

/// What a term is a product of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Atom {
    /// A size with a name: never negative, unless it only turns out while the model runs.
    Symbol(String),
    /// Quotient rounded towards minus infinity.
    FloorDiv(Box<Dim>, Box<Dim>),
    /// The smaller of the two.
    Min(Box<Dim>, Box<Dim>),
    /// The larger of the two.
    Max(Box<Dim>, Box<Dim>),
}

/// The first character of the name of a size that only turns out while the model runs. No name that
/// an importer takes from a file begins with it.
const MEASURED: char = '?';

/// The size of each symbol.
pub type Bindings = BTreeMap<String, i64>;

/// Why a dimension has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DimError {
    /// A symbol has no size.
    #[error("the size of dimension `{0}` is not known")]
    Unbound(String),
    /// The value does not fit in 64 bits, or divides by zero.
    #[error("dimension `{0}` has no value that fits in 64 bits")]
    Overflow(String),
}

impl Dim {
    /// A named size.
    pub fn symbol(name: &str) -> Dim {
        Dim::from_atom(Atom::Symbol(name.to_string()))
    }

    /// A size that only turns out while the model runs; each number is another one.
    pub fn measured(number: usize) -> Dim {
        Dim::symbol(&format!("{MEASURED}{number}"))
    }

    /// Does it depend on one of [`Dim::measured`] with a larger number?
    pub fn is_measured_after(&self, number: usize) -> bool {
        let mut is_after = false;
        self.for_each_symbol(&mut |name| {
            let own = name.strip_prefix(MEASURED).and_then(|own| own.parse::<usize>().ok());
            is_after |= own.is_some_and(|own| own > number);
        });
        is_after
    }

    /// Does it depend on a size that only turns out while the model runs? Such a symbol may stand
    /// for any integer, also a negative one.
    pub fn is_measured(&self) -> bool {
        let mut is_measured = false;
        self.for_each_symbol(&mut |name| is_measured |= name.starts_with(MEASURED));
        is_measured
    }

    /// The value, when it does not depend on a symbol.
    pub fn known(&self) -> Option<i64> {
        match self.terms.as_slice() {
            [] => Some(0),
            [Term { atoms, coefficient }] if atoms.is_empty() => Some(*coefficient),
            _ => None,
        }
    }

    /// The value as a size, when it is known and not negative.
    pub fn known_size(&self) -> Option<usize> {
        self.known().and_then(|v| usize::try_from(v).ok())
    }

    /// The name, when the dimension is one symbol and nothing more.
    pub fn as_symbol(&self) -> Option<&str> {
        match self.terms.as_slice() {
            [Term { atoms, coefficient: 1 }] => match atoms.as_slice() {
                [Atom::Symbol(name)] => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// The terms that it is the sum of, none of which is zero; no term for zero.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Quotient rounded towards minus infinity. Resolved when both sides are known, or when
    /// the divisor is one term that divides every term of the dividend. What a known divisor
    /// divides stands outside of the quotient, and a quotient of a quotient is one, so that what a
    /// chain of strided layers makes of a size stays as short as what the first one makes.
    pub fn floor_div(&self, divisor: &Dim) -> Dim {
        match (self.known(), divisor.known()) {
            (_, Some(1)) => return self.clone(),
            (Some(0), _) => return Dim::default(),
            (Some(a), Some(b)) if b != 0 && (a, b) != (i64::MIN, -1) => {
                return Dim::from(a.div_euclid(b) - i64::from(b < 0 && a.rem_euclid(b) != 0));
            }
            _ => {}
        }
        if let [one] = divisor.terms.as_slice()
            && let Some(terms) = self.terms.iter().map(|t| t.divided_by(one)).collect()
        {
            return Dim { terms }.normalized();
        }
        match divisor.known() {
            Some(divisor @ 2..) => self.divided(divisor),
            _ => Dim::quotient(self, divisor),
        }
    }

    /// Quotient rounded towards plus infinity.
    pub fn ceil_div(&self, divisor: &Dim) -> Dim {
        if let Some(known @ 1..) = divisor.known() {
            return (self.clone() + Dim::from(known - 1)).floor_div(divisor);
        }
        let minus_one = Dim::from(-1);
        (self.clone() * minus_one.clone()).floor_div(divisor) * minus_one
    }

    /// The smaller of the two.
    pub fn minimum(&self, other: &Dim) -> Dim {
        self.extreme(other, Extreme::Min)
    }

    /// The larger of the two.
    pub fn maximum(&self, other: &Dim) -> Dim {
        self.extreme(other, Extreme::Max)
    }

    /// The value under `sizes`.
    pub fn evaluate(&self, sizes: &Bindings) -> Result<i64, DimError> {
        let overflow = || DimError::Overflow(self.to_string());
        let mut sum = 0i64;
        for term in &self.terms {
            let mut product = term.coefficient;
            for atom in &term.atoms {
                product = product.checked_mul(atom.evaluate(sizes)?).ok_or_else(overflow)?;
            }
            sum = sum.checked_add(product).ok_or_else(overflow)?;
        }
        Ok(sum)
    }

    /// Calls `visit` with the name of every symbol in the expression; names may repeat.
    pub fn for_each_symbol(&self, visit: &mut dyn FnMut(&str)) {
        for atom in self.terms.iter().flat_map(|t| &t.atoms) {
            match atom {
                Atom::Symbol(name) => visit(name),
                Atom::FloorDiv(a, b) | Atom::Min(a, b) | Atom::Max(a, b) => {
                    a.for_each_symbol(visit);
                    b.for_each_symbol(visit);
                }
            }
        }
    }

    pub(crate) fn from_atom(atom: Atom) -> Dim {
        Dim { terms: vec![Term { atoms: vec![atom], coefficient: 1 }] }.bounded()
    }

    fn bounded(self) -> Dim {
        if self.complexity() <= COMPLEXITY_MAX { self } else { Dim::from(i64::MAX) }
    }

    /// How many terms and atoms there are, at every depth.
    fn complexity(&self) -> usize {
        let atoms = self.terms.iter().flat_map(|t| &t.atoms);
        let inside = atoms.map(|atom| match atom {
            Atom::Symbol(_) => 1,
            Atom::FloorDiv(a, b) | Atom::Min(a, b) | Atom::Max(a, b) => {
                1 + a.complexity() + b.complexity()
            }
        });
        self.terms.len() + inside.sum::<usize>()
    }

    /// Merges terms with the same atoms and drops those that vanish.
    pub(crate) fn normalized(self) -> Dim {
        let mut merged: BTreeMap<Vec<Atom>, i64> = BTreeMap::new();
        for Term { mut atoms, coefficient } in self.terms {
            atoms.sort();
            let sum = merged.entry(atoms).or_insert(0);
            *sum = sum.saturating_add(coefficient);
        }
        let terms = merged
            .into_iter()
            .filter(|&(_, coefficient)| coefficient != 0)
            .map(|(atoms, coefficient)| Term { atoms, coefficient })
            .collect();
        Dim { terms }.bounded()
    }
}

impl Term {
    /// The integer that its atoms are multiplied by.
    pub fn coefficient(&self) -> i64 {
        self.coefficient
    }

    /// What else it is a product of; nothing for a constant.
    pub fn atoms(&self) -> &[Atom] {
        &self.atoms
    }

    /// The exact quotient, or `None` when `divisor` does not divide this term.
    fn divided_by(&self, divisor: &Term) -> Option<Term> {
        let quotient = self.coefficient.checked_rem(divisor.coefficient)?;
        if quotient != 0 {
            return None;
        }
        let mut atoms = self.atoms.clone();
        for atom in &divisor.atoms {
            let at = atoms.iter().position(|a| a == atom)?;
            atoms.remove(at);
        }
        Some(Term { atoms, coefficient: self.coefficient.checked_div(divisor.coefficient)? })
    }
}

impl Atom {
    fn evaluate(&self, sizes: &Bindings) -> Result<i64, DimError> {
        match self {
            Atom::Symbol(name) => {
                sizes.get(name).copied().ok_or_else(|| DimError::Unbound(name.clone()))
            }
            Atom::FloorDiv(a, b) => {
                let (x, y) = (a.evaluate(sizes)?, b.evaluate(sizes)?);
                let overflow = || DimError::Overflow(format!("{a} / {b}"));
                let quotient = x.checked_div_euclid(y).ok_or_else(overflow)?;
                Ok(quotient - i64::from(y < 0 && x.rem_euclid(y) != 0))
            }
            Atom::Min(a, b) => Ok(a.evaluate(sizes)?.min(b.evaluate(sizes)?)),
            Atom::Max(a, b) => Ok(a.evaluate(sizes)?.max(b.evaluate(sizes)?)),
        }
    }
}

impl From<i64> for Dim {
    fn from(value: i64) -> Dim {
        Dim { terms: vec![Term { atoms: Vec::new(), coefficient: value }] }.normalized()
    }
}

impl From<i32> for Dim {
    fn from(value: i32) -> Dim {
        Dim::from(i64::from(value))
    }
}

impl From<usize> for Dim {
    fn from(value: usize) -> Dim {
        Dim::from(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl std::ops::Add for Dim {
    type Output = Dim;
    fn add(mut self, other: Dim) -> Dim {
        self.terms.extend(other.terms);
        self.normalized()
    }
}

impl std::ops::Sub for Dim {
    type Output = Dim;
    fn sub(self, other: Dim) -> Dim {
        self + other * Dim::from(-1)
    }
}

impl std::ops::Mul for Dim {
    type Output = Dim;
    fn mul(self, other: Dim) -> Dim {
        // Bounded before it is multiplied out: the product may lose terms, but hardly most.
        if self.terms.len() * other.terms.len() > COMPLEXITY_MAX {
            return Dim::from(i64::MAX);
        }
        let mut terms = Vec::with_capacity(self.terms.len() * other.terms.len());
        for a in &self.terms {
            for b in &other.terms {
                let atoms = a.atoms.iter().chain(&b.atoms).cloned().collect();
                let coefficient = a.coefficient.saturating_mul(b.coefficient);
                terms.push(Term { atoms, coefficient });
            }
        }
        Dim { terms }.normalized()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n() -> Dim {
        Dim::symbol("n")
    }

    fn sizes(n: i64) -> Bindings {
        Bindings::from([("n".to_string(), n)])
    }

    #[test]
    fn equal_sizes_have_one_form() {
        let a = n() * Dim::from(2) + Dim::from(3);
        let b = Dim::from(5) + n() + n() - Dim::from(2);
        assert_eq!(a, b);
        assert_eq!(a.to_string(), "2*n + 3");
    }

    #[test]
    fn a_reshape_of_minus_one_cancels() {
        let total = n() * Dim::from(49) * Dim::from(1280);
        assert_eq!(total.floor_div(&Dim::from(49 * 1280)), n());
        assert_eq!(total.floor_div(&(n() * Dim::from(49))), Dim::from(1280));
    }

    #[test]
    fn division_rounds_down_for_every_sign() {
        for a in -7i64..=7 {
            for b in [-3i64, -2, 2, 3] {
                let expected = (a as f64 / b as f64).floor() as i64;
                assert_eq!(Dim::from(a).floor_div(&Dim::from(b)), Dim::from(expected), "{a}/{b}");
                let q = n().floor_div(&Dim::from(b)).evaluate(&sizes(a)).unwrap();
                assert_eq!(q, expected, "{a}/{b}");
            }
        }
    }

    #[test]
    fn ceil_div_rounds_up() {
        assert_eq!(Dim::from(7).ceil_div(&Dim::from(2)), Dim::from(4));
        let half = n().ceil_div(&Dim::from(2));
        assert_eq!(half.evaluate(&sizes(7)), Ok(4));
        assert_eq!(half.evaluate(&sizes(8)), Ok(4));
    }

    #[test]
    fn hostile_sizes_are_errors() {
        assert_eq!(n().evaluate(&Bindings::new()), Err(DimError::Unbound("n".into())));
        let square = n() * n();
        assert!(matches!(square.evaluate(&sizes(i64::MAX)), Err(DimError::Overflow(_))));
        let by_zero = Dim::from(4).floor_div(&n());
        assert!(matches!(by_zero.evaluate(&sizes(0)), Err(DimError::Overflow(_))));
    }
}
