//! Which of several forms a step takes: by expectation, or as somebody has measured.

use crate::winograd;
use kernels::conv::ConvShape;
use plan::WinogradTile;
use std::collections::{BTreeMap, BTreeSet};

/// How a convolution of 3x3 kernels can be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConvolutionForm {
    /// Product by product.
    Direct,
    /// In Winograd form, by these tiles.
    Winograd(WinogradTile),
}

impl ConvolutionForm {
    /// Every form.
    pub const ALL: [ConvolutionForm; 3] = [
        ConvolutionForm::Direct,
        ConvolutionForm::Winograd(WinogradTile::Two),
        ConvolutionForm::Winograd(WinogradTile::Four),
    ];
}

/// Picks of forms. What nothing is said of takes the form that is expected to be the fastest.
#[derive(Debug, Clone, Default)]
pub struct Forms {
    /// Of single convolutions, by the name of the node.
    pub convolutions: BTreeMap<String, ConvolutionForm>,
    /// Of every other convolution that has this form.
    pub every_convolution: Option<ConvolutionForm>,
    /// Which steps become chains.
    pub chains: Chains,
}

/// Which convolutions that follow each other become one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Chains {
    /// Those that are expected to be faster so.
    #[default]
    Expected,
    /// All that can.
    All,
    /// None.
    None,
    /// Those whose step has one of these names.
    Named(BTreeSet<String>),
}

impl Forms {
    /// The Winograd tiles of a convolution; none when it is computed directly.
    pub(crate) fn tile(&self, node: &str, shape: &ConvShape) -> Option<WinogradTile> {
        match self.convolutions.get(node).copied().or(self.every_convolution) {
            None => winograd::choose(shape),
            Some(ConvolutionForm::Winograd(tile)) if winograd::is_possible(shape) => Some(tile),
            Some(_) => None,
        }
    }
}
