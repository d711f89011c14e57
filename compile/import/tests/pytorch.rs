//! Models of PyTorch that are refused, with what is said of them, and what is followed in source.

use import::{Options, Survey, import, survey};
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// An object of the class `M` in `__torch__/m.py` that is not in training.
const OBJECT: &[u8] = b"\x80\x02c__torch__.m\nM\nq\x00)\x81}(X\x08\x00\x00\x00trainingq\x01\x89ub.";

/// A model whose method `forward` has this body.
fn script(parameters: &str, body: &str) -> Vec<u8> {
    let mut source = "class M(Module):\n  training : bool\n".to_string();
    source += &format!("  def forward(self: __torch__.m.M{parameters}) -> Tensor:\n");
    for line in body.lines() {
        source += &format!("    {line}\n");
    }
    archive(&[("m/data.pkl", OBJECT), ("m/code/__torch__/m.py", source.as_bytes())])
}

fn told() -> Options {
    let sizes = [("x_0", 2), ("x_1", 6)].map(|(name, size)| (name.to_string(), size));
    Options { sizes: sizes.into_iter().collect(), ..Options::default() }
}

fn looked_at(body: &str) -> Survey {
    survey(script(", x: Tensor", body), &told()).unwrap()
}

#[track_caller]
fn refused(bytes: Vec<u8>, expected: &str) {
    let error = import(bytes, &told()).expect_err("it was imported").to_string();
    assert!(error.contains(expected), "expected `{expected}`, found\n{error}");
}

#[track_caller]
fn refused_body(body: &str, expected: &str) {
    refused(script(", x: Tensor", body), expected);
}

#[test]
fn what_a_pickle_calls_is_named_and_not_run() {
    let calls = b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.";
    refused(archive(&[("m/data.pkl", calls)]), "its pickle calls `os.system`");
    let module = b"\x80\x02ctorchvision.models.resnet\nResNet\n)\x81.";
    refused(archive(&[("m/data.pkl", module)]), "calls `torchvision.models.resnet.ResNet`");
    refused(archive(&[("m/data.pkl", b"\x80\x02]q")]), "its pickle breaks off");
    refused(archive(&[("m/data.pkl", b"\x80\x020.")]), "takes from an empty stack");
}

#[test]
fn weights_alone_have_no_graph() {
    refused(archive(&[("m/data.pkl", b"\x80\x02}.")]), "holds only the weights of a PyTorch model");
    let text = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text);
    bytes.extend_from_slice(&[0; 4]);
    refused(bytes.clone(), "holds only the weights of a PyTorch model");
    refused(bytes[..20].to_vec(), "it breaks off in its description");
}

#[test]
fn what_is_known_ahead_is_followed() {
    let body = "parts = annotate(List[Tensor], [])
for i in range(3):
  if torch.eq(i, 1):
    _0 = torch.append(parts, torch.mul(x, i))
  else:
    _0 = torch.append(parts, x)
n = torch.len(parts)
while bool(torch.gt(n, 1)):
  n = torch.sub(n, 1)
y = torch.cat(parts, n)
return (y, torch.size(y, 1))";
    let made = looked_at(body);
    assert!(made.refusals.is_empty(), "{:?}", made.refusals);
    let names: Vec<&str> = made.graph.outputs.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, ["output_0", "output_1"]);
    let first = made.graph.fact(made.graph.outputs[0].value);
    assert_eq!(format!("{:?}", first.shape), "[2, 18]");
}

#[test]
fn what_changes_in_place_is_seen_by_views_or_refused() {
    let made = looked_at("y = torch.select(x, 1, 0)\n_0 = torch.fill_(y, 1)\nreturn x");
    assert!(made.refusals.is_empty(), "{:?}", made.refusals);
    assert!(made.graph.nodes.len() > 1);
    refused_body(
        "y = torch.expand(x, [3, 2, 6])\n_0 = torch.relu_(x)\nreturn torch.neg(y)",
        "a view of a tensor that was changed in place since",
    );
}

#[test]
fn what_cannot_be_known_is_refused() {
    refused_body("if bool(torch.sum(x)):\n  pass\nelse:\n  pass\nreturn x", "computed from data");
    refused_body(
        "ops.prim.RaiseException(\"no\", \"E\")\nreturn x",
        "it refuses such inputs: `no`",
    );
    refused_body("return y", "takes `y`, which nothing before it makes");
    refused_body("return torch.fft_fft(x)", "pytorch.fft_fft): the operator is not supported");
    refused_body("return torch.quantize_per_tensor(x, 1., 0, 13)", "let `schooner compress`");
    refused_body("return torch.relu(x, 1)", "attribute `number 1`");
    refused_body("return (self).forward(x, )", "deeper or wider than any model");
    refused_body("while True:\n  pass\nreturn x", "deeper or wider than any model");
    refused_body("return torch.dropout(x, 0.5, True)", "call model.eval() before the export");
    refused(script(", x: Dict[str, Tensor]", "return x"), "is a Dict, not a tensor");
    refused(script(", x: Tensor", "return torch.relu("), "expected an expression");
}

#[test]
fn what_a_few_bytes_would_make_large_is_refused() {
    refused_body("_0 = torch.mul([], 9223372036854775807)\nreturn x", "deeper or wider");
    refused_body("_0 = torch.tensor_split(x, 5000, 0)\nreturn x", "at most 4096 parts");
    refused(script(", x: Tensor", &"(".repeat(5 << 20)), "it has more than 4194304 words");
    // A pair of a pair of a pair: one more doubles what is met.
    let mut state =
        b"\x80\x02c__torch__.m\nM\nq\x00)\x81}(X\x08\x00\x00\x00trainingq\x01\x89".to_vec();
    state.extend_from_slice(b"X\x01\x00\x00\x00aK\x01q\x02");
    for level in 2..62 {
        state.extend_from_slice(&[b'0', b'h', level, b'h', level, 0x86, b'q', level + 1]);
    }
    state.extend_from_slice(b"ub.");
    let source =
        b"class M(Module):\n  training : bool\n  a : int\n  def forward(self: __torch__.m.M, \
        x: Tensor) -> Tensor:\n    return torch.relu(x)\n";
    let model = archive(&[("m/data.pkl", &state), ("m/code/__torch__/m.py", source)]);
    refused(model, "deeper or wider than any model");
}

#[test]
fn files_that_break_off_are_refused() {
    let whole = script(", x: Tensor", "return torch.relu(x)");
    assert!(import(whole.clone(), &told()).is_ok());
    for end in 0..whole.len() {
        let _ = import(whole[..end].to_vec(), &told());
    }
}
