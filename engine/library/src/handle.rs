//! A loaded model as C holds it: with all its text in C's form.

use crate::boundary::c_string;
use crate::failure::Failure;
use crate::structs::Port;
use package::abi;
use runtime::{Model, Opened};
use std::ffi::{CString, c_char};
use tensor::DType;

/// `schooner_model`
pub(crate) struct Handle {
    pub(crate) model: Model,
    pub(crate) name: CString,
    pub(crate) version: CString,
    pub(crate) created_by: CString,
    pub(crate) inputs: Vec<Described>,
    pub(crate) outputs: Vec<Described>,
    labels: Vec<CString>,
}

/// A port, with the text that its description points at.
pub(crate) struct Described {
    name: CString,
    dtype: i32,
    dims: Vec<i64>,
    takes_image: bool,
}

impl Handle {
    pub(crate) fn new(opened: Opened) -> Result<Handle, Failure> {
        let Opened { model, manifest, .. } = opened;
        let signature = model.signature();
        let takes_image = takes_image(&model);
        let describe = |port, takes_image| Described::new(port, takes_image);
        let inputs = signature.inputs.iter().map(|p| describe(p, takes_image));
        let inputs = inputs.collect::<Result<_, _>>()?;
        let outputs = signature.outputs.iter().map(|p| describe(p, false));
        let outputs = outputs.collect::<Result<_, _>>()?;
        let labels = model.recipe().map_or(&[][..], |recipe| &recipe.post.labels);
        let labels = labels.iter().map(|label| c_string(label)).collect();
        let [name, version, created_by] =
            [&manifest.name, &manifest.version, &manifest.created_by].map(|text| c_string(text));
        Ok(Handle { name, version, created_by, inputs, outputs, labels, model })
    }

    /// Are encoded images taken in place of the one input?
    pub(crate) fn takes_image(&self) -> bool {
        takes_image(&self.model)
    }

    pub(crate) fn label_count(&self) -> usize {
        self.labels.len()
    }

    /// The name of a class, or null.
    pub(crate) fn label(&self, index: usize) -> *const c_char {
        self.labels.get(index).map_or(std::ptr::null(), |label| label.as_ptr())
    }
}

fn takes_image(model: &Model) -> bool {
    model.recipe().is_some() && model.signature().inputs.len() == 1
}

impl Described {
    fn new(port: &plan::Port, takes_image: bool) -> Result<Described, Failure> {
        if port.shape.len() > abi::MAX_RANK {
            return Err(Failure::Rank { port: port.name.clone(), found: port.shape.len() });
        }
        if port.dtype == DType::Object {
            return Err(Failure::NoTensor(port.name.clone()));
        }
        let dims = port.shape.iter().map(|dim| dim.known().unwrap_or(-1)).collect();
        let (dtype, _) = abi::dtype_code(port.dtype);
        Ok(Described { name: c_string(&port.name), dtype, dims, takes_image })
    }

    /// The description, for as long as the handle lives, in a struct of the caller's size.
    pub(crate) fn port(&self, struct_size: usize) -> Port {
        let mut dims = [0; abi::MAX_RANK];
        dims[..self.dims.len()].copy_from_slice(&self.dims);
        Port {
            struct_size,
            name: self.name.as_ptr(),
            dtype: self.dtype,
            rank: self.dims.len() as u32,
            dims,
            takes_image: i32::from(self.takes_image),
            reserved: 0,
        }
    }
}

/// The model behind a caller's pointer.
///
/// # Safety
/// `model` is null, or came from `schooner_create` and was not given to `schooner_destroy`.
pub(crate) unsafe fn borrow<'a>(model: *const Handle) -> Result<&'a Handle, Failure> {
    let what = "the model";
    if !model.is_aligned() {
        return Err(Failure::Pointer { what });
    }
    // SAFETY: it is null or a live model, by the contract; models are only ever read.
    unsafe { model.as_ref() }.ok_or(Failure::Pointer { what })
}
