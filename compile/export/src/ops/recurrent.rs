//! Layers that pass a state on from step to step.

use crate::ExportError;
use crate::call::{Call, Written};
use crate::messages::{flag, float, floats, size, text, texts};
use import::onnx::decode::AttributeProto;
use ir::{Node, Op, ValueId};
use operators::linear_attention::{LinearAttention, Rule};
use operators::numbers;
use operators::recurrent::{Activation, Cell, Direction, Recurrent};
use tensor::scalar::Binary;
use tensor::{DType, Tensor};

/// `(x, r, [bias], [lengths], [h], [c], [peepholes])`, where `x` is the input times its weights.
pub(super) fn recurrent(call: &mut Call<'_, '_>, layer: &Recurrent) -> Written {
    if layer.rounds_states {
        return Err(call.refuse("states are rounded in each step"));
    }
    let direction = match layer.directions.iter().map(|d| d.is_reverse).collect::<Vec<_>>()[..] {
        [false] => "forward",
        [true] => "reverse",
        [false, true] => "bidirectional",
        _ => return Err(call.refuse("directions other than forward, reverse or both")),
    };
    let (op, own) = match layer.cell {
        Cell::Rnn => ("RNN", None),
        Cell::Gru { resets_product } => ("GRU", Some(flag("linear_before_reset", resets_product))),
        Cell::Lstm { forgets_input } => ("LSTM", Some(flag("input_forget", forgets_input))),
    };
    let mut given = (2..).map(|index: usize| call.optional(index));
    let [bias, lengths, h, c, peepholes] =
        layer.given.map(|is_given| if is_given { given.next() } else { None }.unwrap_or_default());
    let projection = projection(call, layer)?;
    let r = call.input(1);
    let r = call.step("Transpose", &[&r], vec![crate::messages::sizes("perm", &[0, 2, 1])]);
    let bias = both_biases(call, layer, projection.bias, bias)?;
    let lengths = if lengths.is_empty() { lengths } else { lengths_of(call, layer, &lengths) };
    let mut attributes = vec![text("direction", direction), size("hidden_size", layer.hidden)];
    attributes.extend(activations(&layer.directions));
    attributes.extend(layer.clip.map(|clip| float("clip", clip)));
    attributes.extend(own);
    let mut inputs = vec![projection.x.as_str(), &projection.weights, &r, &bias, &lengths, &h];
    if let Cell::Lstm { .. } = layer.cell {
        inputs.extend([c.as_str(), &peepholes]);
    }
    call.last(op, &inputs, attributes)
}

/// The lengths, which the standard wants in 32 bits.
fn lengths_of(call: &mut Call<'_, '_>, layer: &Recurrent, lengths: &str) -> String {
    let index = 2 + usize::from(layer.given[0]);
    match call.fact(index).dtype {
        DType::I32 => lengths.to_string(),
        _ => call.converted(lengths, DType::I32),
    }
}

/// The input of a layer before its product with the weights.
struct Projection {
    x: String,
    /// `[D, G*H, I]`
    weights: String,
    /// `[D, G*H]`, or nothing.
    bias: String,
}

/// Takes the product apart that made the layer's input; without one, the weights pick each gate's
/// numbers out of the input.
fn projection(call: &mut Call<'_, '_>, layer: &Recurrent) -> Result<Projection, ExportError> {
    let (directions, rows) = (layer.directions.len() as i64, gates(layer) as i64);
    let maker = |id: ValueId| call.graph.nodes.iter().find(|node| node.output == id);
    let rank = |id: ValueId| call.graph.value(id).shape.len();
    let product = |node: &Node| match (&node.op, node.inputs.as_slice()) {
        (Op::MatMul, &[x, w]) if rank(x) == 3 && rank(w) == 2 => Some((x, w)),
        _ => None,
    };
    let made = maker(call.node.inputs[0]);
    let parts = made.and_then(|node| match (&node.op, node.inputs.as_slice()) {
        (Op::Binary(Binary::Add), &[sum, bias]) if rank(bias) == 1 => {
            maker(sum).and_then(product).map(|(x, w)| (x, w, Some(bias)))
        }
        _ => product(node).map(|(x, w)| (x, w, None)),
    });
    let Some((x, w, bias)) = parts else { return picked(call, layer) };
    let [x, w] = [x, w].map(|id| call.writer.value(id));
    let w = call.step("Transpose", &[&w], vec![crate::messages::sizes("perm", &[1, 0])]);
    let target = call.integers(&[directions, rows, -1]);
    let weights = call.step("Reshape", &[&w, &target], vec![]);
    let bias = match bias {
        Some(bias) => {
            let (bias, target) = (call.writer.value(bias), call.integers(&[directions, rows]));
            call.step("Reshape", &[&bias, &target], vec![])
        }
        None => String::new(),
    };
    Ok(Projection { x, weights, bias })
}

/// Rows of the weights of one direction.
fn gates(layer: &Recurrent) -> usize {
    layer.cell.gates().0 * layer.hidden
}

fn picked(call: &mut Call<'_, '_>, layer: &Recurrent) -> Result<Projection, ExportError> {
    let (directions, rows) = (layer.directions.len(), gates(layer));
    let width = directions * rows;
    let each: Vec<f64> =
        (0..width * width).map(|at| f64::from(u8::from(at / width == at % width))).collect();
    let weights = filled(call, &[directions, rows, width], &each)?;
    Ok(Projection { x: call.input(0), weights, bias: String::new() })
}

fn filled(
    call: &mut Call<'_, '_>,
    shape: &[usize],
    elements: &[f64],
) -> Result<String, ExportError> {
    let tensor = Tensor::zeros(call.fact(0).dtype, shape);
    let mut tensor = tensor.map_err(|error| call.refuse(error.to_string()))?;
    numbers::store_floats(&mut tensor.view_mut(), elements);
    Ok(call.constant(&tensor))
}

/// The biases of input and state side by side, zeros for one that is not there.
fn both_biases(
    call: &mut Call<'_, '_>,
    layer: &Recurrent,
    of_input: String,
    of_state: String,
) -> Result<String, ExportError> {
    if of_input.is_empty() && of_state.is_empty() {
        return Ok(String::new());
    }
    let (directions, rows) = (layer.directions.len(), gates(layer));
    let mut both = [of_input, of_state];
    for bias in both.iter_mut().filter(|bias| bias.is_empty()) {
        *bias = filled(call, &[directions, rows], &vec![0.0; directions * rows])?;
    }
    Ok(call.step("Concat", &[&both[0], &both[1]], vec![size("axis", 1)]))
}

/// Names and parameters; a parameter is listed for each function that has it.
fn activations(directions: &[Direction]) -> Vec<AttributeProto> {
    let (mut names, mut alphas, mut betas) = (Vec::new(), Vec::new(), Vec::new());
    for activation in directions.iter().flat_map(|direction| &direction.activations) {
        let (name, alpha, beta) = match *activation {
            Activation::Relu => ("Relu", None, None),
            Activation::Tanh => ("Tanh", None, None),
            Activation::Sigmoid => ("Sigmoid", None, None),
            Activation::Affine(alpha, beta) => ("Affine", Some(alpha), Some(beta)),
            Activation::LeakyRelu(alpha) => ("LeakyRelu", Some(alpha), None),
            Activation::ThresholdedRelu(alpha) => ("ThresholdedRelu", Some(alpha), None),
            Activation::ScaledTanh(alpha, beta) => ("ScaledTanh", Some(alpha), Some(beta)),
            Activation::HardSigmoid(alpha, beta) => ("HardSigmoid", Some(alpha), Some(beta)),
            Activation::Elu(alpha) => ("Elu", Some(alpha), None),
            Activation::Softsign => ("Softsign", None, None),
            Activation::Softplus => ("Softplus", None, None),
        };
        names.push(name);
        alphas.extend(alpha);
        betas.extend(beta);
    }
    let mut attributes = vec![texts("activations", names)];
    for (name, list) in [("activation_alpha", alphas), ("activation_beta", betas)] {
        if !list.is_empty() {
            attributes.push(floats(name, &list));
        }
    }
    attributes
}

/// `(query, key, value, [past], [decay], [beta])`
pub(super) fn linear_attention(call: &mut Call<'_, '_>, layer: &LinearAttention) -> Written {
    call.writer.need(27);
    let rule = match layer.rule {
        Rule { is_gated: false, is_delta: false } => "linear",
        Rule { is_gated: true, is_delta: false } => "gated",
        Rule { is_gated: false, is_delta: true } => "delta",
        Rule { is_gated: true, is_delta: true } => "gated_delta",
    };
    let mut attributes = vec![
        text("update_rule", rule),
        size("q_num_heads", layer.query_heads),
        size("kv_num_heads", layer.heads),
    ];
    attributes.extend(layer.scale.map(|scale| float("scale", scale)));
    let mut rest = call.inputs.split_off(3).into_iter();
    for is_given in [layer.has_past, layer.rule.is_gated, layer.rule.is_delta] {
        let next = if is_given { rest.next() } else { None };
        call.inputs.push(next.unwrap_or_default());
    }
    call.same("LinearAttention", attributes)
}
