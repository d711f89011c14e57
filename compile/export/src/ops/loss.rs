//! Losses.

use crate::call::{Call, Written};
use crate::messages::{int, text};
use operators::negative_log_likelihood::{LossReduction, NegativeLogLikelihood};

pub(super) fn negative_log_likelihood(
    call: &mut Call<'_, '_>,
    loss: &NegativeLogLikelihood,
) -> Written {
    let reduction = match loss.reduction {
        LossReduction::None => "none",
        LossReduction::Sum => "sum",
        LossReduction::Mean => "mean",
    };
    let mut attributes = vec![text("reduction", reduction)];
    attributes.extend(loss.ignored.map(|ignored| int("ignore_index", ignored)));
    call.same("NegativeLogLikelihoodLoss", attributes)
}
