//! The formats that are read, and those that are recognized in order to be refused by name.

use crate::{
    Bytes, ImportError, Options, Survey, keras, lightgbm, mxnet, onnx, pytorch, tensorflow, tfjs,
    tflite, xgboost,
};

/// A format that is read.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name.
    pub name: &'static str,
    /// How its files usually end.
    pub suffixes: &'static [&'static str],
    /// Could these be its bytes?
    pub is_format: fn(&[u8]) -> bool,
    /// May others be given in the place of the weights in it?
    pub takes_weights: bool,
    /// Reads it.
    pub survey: fn(Bytes, &Options) -> Result<Survey, ImportError>,
}

/// Every format that is read.
pub const FORMATS: &[Format] = &[
    Format {
        name: "Keras",
        suffixes: &[".keras", ".h5", ".hdf5"],
        is_format: keras::is_format,
        takes_weights: false,
        survey: keras::survey,
    },
    Format {
        name: "TensorFlow",
        suffixes: &[".pb"],
        is_format: tensorflow::is_format,
        takes_weights: false,
        survey: tensorflow::survey,
    },
    Format {
        name: "TensorFlow Lite",
        suffixes: &[".tflite", ".lite"],
        is_format: tflite::is_format,
        takes_weights: false,
        survey: tflite::survey,
    },
    Format {
        name: "TensorFlow.js",
        suffixes: &["model.json"],
        is_format: tfjs::is_format,
        takes_weights: false,
        survey: tfjs::survey,
    },
    Format {
        name: "XGBoost",
        suffixes: &[".json", ".ubj"],
        is_format: xgboost::is_format,
        takes_weights: false,
        survey: xgboost::survey,
    },
    Format {
        name: "LightGBM",
        suffixes: &[".txt"],
        is_format: lightgbm::is_format,
        takes_weights: false,
        survey: lightgbm::survey,
    },
    Format {
        name: "MXNet",
        suffixes: &["-symbol.json"],
        is_format: mxnet::is_format,
        takes_weights: false,
        survey: mxnet::survey,
    },
    Format {
        name: "PyTorch",
        suffixes: &[".pt2", ".pt", ".jit", ".pth", ".safetensors"],
        is_format: pytorch::is_format,
        takes_weights: true,
        survey: pytorch::survey,
    },
    Format {
        name: "ONNX",
        suffixes: &[".onnx"],
        is_format: onnx::is_format,
        takes_weights: true,
        survey: onnx::survey,
    },
];

/// What files of other kinds end in too.
const SHARED: [&str; 2] = [".json", ".txt"];

/// What the names of models end in, and of no other files.
pub fn own_suffixes() -> impl Iterator<Item = &'static str> {
    let all = FORMATS.iter().flat_map(|format| format.suffixes).copied();
    all.filter(|suffix| !SHARED.contains(suffix))
}

/// A format that is only recognized: the bytes at an offset, what it is, and what to do.
struct Foreign(usize, &'static [u8], &'static str, &'static str);

const EXPORT: &str = "this format is not read yet: export the model to ONNX";
/// What to do about weights alone.
pub(crate) const WEIGHTS: &str = "weights do not say what is computed with them: export the whole \
     model with torch.export.save(torch.export.export(model, (example,)), \"model.pt2\"), or give \
     them with an earlier export of it: --weights FILE";
const NO_MODEL: &str = "expected a trained model in a format that is read: ONNX (.onnx), \
     Keras (.keras, .h5), TensorFlow (.pb), TensorFlow Lite (.tflite), TensorFlow.js (model.json), \
     PyTorch (.pt2, .pt), XGBoost (.json, .ubj), LightGBM (.txt) or MXNet (-symbol.json)";

const FOREIGN: &[Foreign] = &[
    Foreign(
        0,
        b"PK\x03\x04",
        "this is a zip archive (NumPy .npz)",
        "unpack the model that is in it, if there is one",
    ),
    Foreign(
        0,
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19",
        "this is a file of torch.save of before 2020: weights, or a module that is code",
        WEIGHTS,
    ),
    Foreign(0, b"\x80\x02", "this is a Python pickle (scikit-learn)", EXPORT),
    Foreign(0, b"\x80\x03", "this is a Python pickle (scikit-learn, joblib)", EXPORT),
    Foreign(0, b"\x80\x04", "this is a Python pickle (scikit-learn, joblib)", EXPORT),
    Foreign(0, b"\x80\x05", "this is a Python pickle (scikit-learn, joblib)", EXPORT),
    Foreign(0, b"\x12\x01\x00\x00\x00", "this is an MXNet parameter file", mxnet::PARAMETERS_ALONE),
    Foreign(0, b"GGUF", "this is a GGUF language model", EXPORT),
    Foreign(0, b"{", "this is a JSON file that holds no model which is read", NO_MODEL),
    Foreign(0, b"ORTM", "this is an ONNX Runtime .ort file", "take the .onnx it was made from"),
    Foreign(4, b"ORTM", "this is an ONNX Runtime .ort file", "take the .onnx it was made from"),
    Foreign(0, b"\x7fELF", "this is a program or shared library", NO_MODEL),
    Foreign(0, b"\x93NUMPY", "this is a NumPy array", NO_MODEL),
    Foreign(0, b"\x1f\x8b", "this is a gzip archive", "unpack it first"),
    Foreign(0, b"\xff\xd8\xff", "this is a JPEG image", NO_MODEL),
    Foreign(0, b"\x89PNG", "this is a PNG image", NO_MODEL),
    Foreign(
        0,
        b"version https://git-lfs",
        "this is a Git LFS pointer, not the file itself",
        "fetch it with `git lfs pull`",
    ),
    Foreign(0, b"<", "this is an HTML or XML page", "download the model file itself"),
];

/// The format of these bytes; what they are instead when it is none that is read.
pub fn recognize(bytes: &[u8]) -> Result<&'static Format, ImportError> {
    FORMATS.iter().find(|f| (f.is_format)(bytes)).ok_or_else(|| not_a_model(bytes))
}

/// First bytes that are shown when nothing is recognized.
const SHOWN: usize = 16;

/// Do the bytes begin as those of a format that is known but not read?
pub(crate) fn is_foreign(bytes: &[u8]) -> bool {
    foreign(bytes).is_some()
}

fn foreign(bytes: &[u8]) -> Option<&'static Foreign> {
    let starts = |f: &&Foreign| bytes.get(f.0..).is_some_and(|rest| rest.starts_with(f.1));
    FOREIGN.iter().find(starts)
}

/// Says what the bytes are and what to do.
pub(crate) fn not_a_model(bytes: &[u8]) -> ImportError {
    let (found, hint) = match foreign(bytes) {
        Some(Foreign(_, _, found, hint)) => (*found, *hint),
        None if bytes.is_empty() => ("this file is empty", NO_MODEL),
        None => ("this is not a model of any format that is known", NO_MODEL),
    };
    let first: Vec<String> = bytes.iter().take(SHOWN).map(|b| format!("{b:02x}")).collect();
    let (found, hint) = (found.to_string(), hint.to_string());
    ImportError::NotAModel { found, hint, first_bytes: first.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_named() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "this file is empty"),
            (b"GGUF\x03\0\0\0", "this is a GGUF language model"),
            (b"\x80\x02}q\0", "this is a Python pickle (scikit-learn)"),
            (b"{\"a\": 1}", "this is a JSON file that holds no model which is read"),
            (b"\x12\x01\0\0\0\0\0\0", "this is an MXNet parameter file"),
            (b"hello", "this is not a model of any format that is known"),
        ];
        for (bytes, expected) in cases {
            let Err(ImportError::NotAModel { found, .. }) = recognize(bytes) else {
                panic!("{bytes:?} was taken for a model");
            };
            assert_eq!(&found, expected);
        }
    }

    #[test]
    fn files_that_begin_alike_are_told_apart_by_their_keys() {
        let cases: &[(&[u8], &str)] = &[
            (b"{\"learner\": {}, \"version\": [3]}", "XGBoost"),
            (b"{L\0\0\0\0\0\0\0\x07learner{}}", "XGBoost"),
            (b"{\n  \"nodes\": [{\"op\": \"null\"", "MXNet"),
            (b"tree\nversion=v4\n", "LightGBM"),
        ];
        for (bytes, name) in cases {
            assert_eq!(recognize(bytes).unwrap().name, *name);
        }
    }
}
