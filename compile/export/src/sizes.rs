//! Sizes as values of the file. A size is an `i64` vector of one element: a constant, the axis of
//! something that carries the symbol, or what operators on integers make of such.

use crate::ExportError;
use crate::messages::size;
use crate::writer::Writer;
use tensor::{Atom, Dim, Term};

/// Where the number behind a symbol is to be had.
#[derive(Clone)]
pub(crate) enum Carrier {
    /// The size of a value's axis.
    Axis(String, usize),
    /// An element of a vector.
    Element(String, usize),
}

impl Writer<'_> {
    /// Sizes as one vector.
    pub(crate) fn sizes(&mut self, dims: &[Dim]) -> Result<String, ExportError> {
        let mut parts: Vec<String> = Vec::new();
        let mut rest = dims;
        while let Some(first) = rest.first() {
            let known: Vec<i64> = rest.iter().map_while(Dim::known).collect();
            parts.push(match known.as_slice() {
                [] => self.size(first)?,
                known => self.integers(known),
            });
            rest = &rest[known.len().max(1)..];
        }
        Ok(match parts.as_slice() {
            [] => self.integers(&[]),
            [part] => part.clone(),
            parts => {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.step("Concat", &parts, vec![size("axis", 0)])
            }
        })
    }

    /// A size as a vector of one element; the same size is computed once.
    pub(crate) fn size(&mut self, dim: &Dim) -> Result<String, ExportError> {
        if let Some(known) = self.scopes.iter().rev().find_map(|scope| scope.sizes.get(dim)) {
            return Ok(known.clone());
        }
        let name = match (dim.known(), dim.as_symbol()) {
            (Some(number), _) => self.integers(&[number]),
            (None, Some(symbol)) => self.symbol(symbol)?,
            (None, None) => self.sum(dim)?,
        };
        self.scope().sizes.insert(dim.clone(), name.clone());
        Ok(name)
    }

    fn symbol(&mut self, symbol: &str) -> Result<String, ExportError> {
        let carrier = self.scopes.iter().rev().find_map(|scope| scope.carriers.get(symbol));
        match carrier.cloned().ok_or_else(|| ExportError::Size(symbol.to_string()))? {
            Carrier::Axis(value, axis) => {
                let range = vec![size("start", axis), size("end", axis + 1)];
                Ok(self.step("Shape", &[&value], range))
            }
            Carrier::Element(vector, index) => {
                let index = self.integers(&[index as i64]);
                Ok(self.step("Gather", &[&vector, &index], vec![size("axis", 0)]))
            }
        }
    }

    /// A sum of products: what is added first, so that as little as can be is below zero.
    fn sum(&mut self, dim: &Dim) -> Result<String, ExportError> {
        let (added, taken): (Vec<&Term>, Vec<&Term>) =
            dim.terms().iter().partition(|term| term.coefficient() > 0);
        let mut sum: Option<String> = None;
        for (op, terms) in [("Add", added), ("Sub", taken)] {
            for term in terms {
                let product = self.product(term)?;
                sum = Some(match sum {
                    None if op == "Add" => product,
                    None => {
                        let zero = self.size(&Dim::default())?;
                        self.step(op, &[&zero, &product], vec![])
                    }
                    Some(sum) => self.step(op, &[&sum, &product], vec![]),
                });
            }
        }
        sum.map_or_else(|| self.size(&Dim::default()), Ok)
    }

    /// A term without its sign.
    fn product(&mut self, term: &Term) -> Result<String, ExportError> {
        // The least integer has no positive counterpart; as a size it overflows either way.
        let coefficient = term.coefficient().saturating_abs();
        let mut product = match (coefficient, term.atoms()) {
            (1, [_, ..]) => None,
            _ => Some(self.size(&Dim::from(coefficient))?),
        };
        for atom in term.atoms() {
            let atom = self.atom(atom)?;
            product = Some(match product {
                None => atom,
                Some(product) => self.step("Mul", &[&product, &atom], vec![]),
            });
        }
        product.map_or_else(|| self.size(&Dim::from(1)), Ok)
    }

    fn atom(&mut self, atom: &Atom) -> Result<String, ExportError> {
        let (op, a, b) = match atom {
            Atom::Symbol(name) => return self.size(&Dim::symbol(name)),
            Atom::FloorDiv(a, b) => return self.quotient(a, b),
            Atom::Min(a, b) => ("Min", a, b),
            Atom::Max(a, b) => ("Max", a, b),
        };
        let (a, b) = (self.size(a)?, self.size(b)?);
        Ok(self.step(op, &[&a, &b], vec![]))
    }

    /// `a / b`, rounded towards minus infinity. The standard's division of integers rounds towards
    /// zero, its remainder has the divisor's sign: what is below zero loses the remainder first.
    fn quotient(&mut self, a: &Dim, b: &Dim) -> Result<String, ExportError> {
        let (x, divisor) = (self.size(a)?, self.size(b)?);
        if is_natural(a) && is_natural(b) {
            return Ok(self.step("Div", &[&x, &divisor], vec![]));
        }
        let rest = self.step("Mod", &[&x, &divisor], vec![]);
        let whole = self.step("Sub", &[&x, &rest], vec![]);
        Ok(self.step("Div", &[&whole, &divisor], vec![]))
    }
}

/// Is it a sum of products of sizes, none of which is below zero?
fn is_natural(dim: &Dim) -> bool {
    let is_size = |atom: &Atom| matches!(atom, Atom::Symbol(_));
    let is_natural = |term: &Term| term.coefficient() > 0 && term.atoms().iter().all(is_size);
    !dim.is_measured() && dim.terms().iter().all(is_natural)
}
