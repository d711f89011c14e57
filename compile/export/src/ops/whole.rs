//! Operators that are computed as written.

use super::{
    conv, elementwise, index, loss, pool, quantize, recurrent, resize, sample, signal, tabular,
};
use crate::call::{Call, Written};
use crate::messages::{int, text};
use operators::Operator;
use operators::einsum::Einsum;

pub(super) fn write(call: &mut Call<'_, '_>, operator: &Operator) -> Written {
    match operator {
        Operator::AffineGrid(p) => sample::affine_grid(call, p),
        Operator::BitCast(p) => {
            call.writer.need(26);
            let to = call.element(p.to);
            call.same("BitCast", vec![int("to", to)])
        }
        Operator::Bitwise(p) => elementwise::bitwise(call, p),
        Operator::BoxDetection(_) | Operator::BoxProposal(_) | Operator::BoxSuppression(_) => {
            let reason = "its NonMaxSuppression makes as many boxes as there turn out to be, this \
                          operator as many as there are candidates; cut it off the model";
            Err(call.refuse(reason.to_string()))
        }
        Operator::CenterCropPad(p) => sample::center_crop_pad(call, p),
        Operator::Col2Im(p) => conv::col2im(call, p),
        Operator::ConvTranspose(p) => conv::conv_transpose(call, p),
        Operator::Convert(p) => elementwise::convert(call, p),
        Operator::Cumulative(p) => index::cumulative(call, p),
        Operator::DeformColumns(p) => conv::deform_columns(call, p),
        Operator::Determinant(_) => call.same("Det", vec![]),
        Operator::Dft(p) => signal::dft(call, p),
        Operator::DynamicRange(_) => quantize::dynamic_range(call),
        Operator::Einsum(p) => einsum(call, p),
        Operator::Function(p) => elementwise::function(call, p),
        Operator::GatherElements(p) => index::gather_elements(call, p),
        Operator::GatherNd(p) => index::gather_nd(call, p),
        Operator::GridSample(p) => sample::grid_sample(call, p),
        Operator::IntegerConvolution(p) => conv::integer_convolution(call, p),
        Operator::IntegerProduct(_) => quantize::integer_product(call),
        Operator::LinearAttention(p) => recurrent::linear_attention(call, p),
        Operator::Lookup(p) => tabular::lookup(call, p),
        Operator::MaxIndices(p) => pool::max_indices(call, p),
        Operator::MelWeights(p) => signal::mel_weights(call, p),
        Operator::NegativeLogLikelihood(p) => loss::negative_log_likelihood(call, p),
        Operator::OneHot(p) => index::one_hot(call, p),
        Operator::Random(p) => signal::random(call, p),
        Operator::Range(p) => index::range(call, p),
        Operator::Recurrent(p) => recurrent::recurrent(call, p),
        // A condition on sizes, where the standard has none; the elements stay.
        Operator::Require(_) => {
            let x = call.input(0);
            call.is(&x)
        }
        Operator::Resize(p) => resize::resize(call, p),
        Operator::RoiAlign(p) => sample::roi_align(call, p),
        Operator::RoiPool(p) => sample::roi_pool(call, p),
        Operator::ScatterElements(p) => index::scatter_elements(call, p),
        Operator::ScatterNd(p) => index::scatter_nd(call, p),
        Operator::SquaredDistance(_) => tabular::squared_distance(call),
        Operator::Stft(p) => signal::stft(call, p),
        Operator::SupportVectorClassifier(p) => tabular::support_vector_classifier(call, p),
        Operator::TfIdf(p) => tabular::tf_idf(call, p),
        Operator::TopK(p) => index::top_k(call, p),
        Operator::Trilu(p) => index::trilu(call, p),
        Operator::Window(p) => signal::window(call, p),
    }
}

/// Labels become letters, in the order of their numbers.
fn einsum(call: &mut Call<'_, '_>, einsum: &Einsum) -> Written {
    let mut labels: Vec<u32> = einsum.inputs.iter().flatten().copied().collect();
    labels.sort_unstable();
    labels.dedup();
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').take(labels.len()).collect();
    if letters.len() < labels.len() {
        return Err(call.refuse(format!("{} labels, there are 52 letters", labels.len())));
    }
    let term = |own: &Vec<u32>| -> String {
        own.iter().filter_map(|own| Some(letters[labels.binary_search(own).ok()?])).collect()
    };
    let inputs: Vec<String> = einsum.inputs.iter().map(term).collect();
    let equation = format!("{}->{}", inputs.join(","), term(&einsum.output));
    call.same("Einsum", vec![text("equation", &equation)])
}
