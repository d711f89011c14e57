//! Answers.

use crate::boundary::guarded;
use crate::failure::Failure;
use crate::handle::{Handle, borrow};
use crate::structs::{Array, Class, View};
use package::abi;
use std::ffi::c_void;
use tensor::{DType, Tensor, TextRow, Value, element_count};

/// See the header.
///
/// # Safety
/// Pointers are null or point at what the header says.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn schooner_run(
    model: *const Handle,
    inputs: *const View,
    input_count: usize,
    outputs: *mut View,
    output_count: usize,
) -> i32 {
    guarded(|| {
        // SAFETY: by the contract.
        let handle = unsafe { borrow(model) }?;
        check_count("inputs", handle.inputs.len(), input_count)?;
        check_count("outputs", handle.outputs.len(), output_count)?;
        // SAFETY: so many structs each, by the contract.
        let (from, to) = unsafe {
            let from = Array::new("the first input", inputs, input_count)?;
            (from, Array::new("the first output", outputs, output_count)?)
        };
        let inputs: Vec<Value> = (0..input_count)
            // SAFETY: each is a whole struct and lends its data for the call, by the contract.
            .map(|index| unsafe { read_input(handle, index, from.element(index)) })
            .collect::<Result<_, _>>()?;
        let answers = handle.model.run_values(&inputs)?;
        let mut too_small = None;
        for (index, answer) in answers.iter().enumerate() {
            // SAFETY: as many outputs as the model has, each with the room that it states, by
            // the contract.
            let fits = unsafe { write_output(index, answer, to.element(index)) };
            too_small = too_small.or(fits.err());
        }
        too_small.map_or(Ok(()), Err)
    })
}

/// See the header.
///
/// # Safety
/// Pointers are null or point at what the header says.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn schooner_classify(
    model: *const Handle,
    image: *const c_void,
    image_bytes: usize,
    classes: *mut Class,
    count: *mut usize,
) -> i32 {
    guarded(|| {
        // SAFETY: by the contract.
        let handle = unsafe { borrow(model) }?;
        if count.is_null() || !count.is_aligned() {
            return Err(Failure::Pointer { what: "the count of classes" });
        }
        // SAFETY: checked above; set by the caller, by the contract.
        let room = unsafe { count.read() };
        // SAFETY: so many structs, and so many bytes, by the contract.
        let (to, encoded) = unsafe {
            (
                Array::new("the first class", classes, room)?,
                bytes_at("the image", image, image_bytes)?,
            )
        };
        if !handle.takes_image() {
            return Err(Failure::NoRecipe);
        }
        let answer = handle.model.classify(encoded)?;
        let best = answer.classes.iter().take(room);
        for (place, class) in best.clone().enumerate() {
            let class = Class {
                struct_size: to.stride(),
                label: handle.label(class.index),
                index: class.index as i64,
                probability: class.probability,
                reserved: 0,
            };
            // SAFETY: below the room that the caller stated.
            unsafe { to.element(place).write(class) };
        }
        // SAFETY: checked above.
        unsafe { count.write(best.len()) };
        Ok(())
    })
}

fn check_count(what: &'static str, expected: usize, found: usize) -> Result<(), Failure> {
    if expected == found { Ok(()) } else { Err(Failure::Count { what, expected, found }) }
}

/// The bytes that a caller lends.
///
/// # Safety
/// `first` is null or points at `count` bytes that live as long as the call.
unsafe fn bytes_at<'a>(
    what: &'static str,
    first: *const c_void,
    count: usize,
) -> Result<&'a [u8], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if first.is_null() || count > isize::MAX as usize {
        return Err(Failure::Pointer { what });
    }
    // SAFETY: not null, and so many bytes, by the contract.
    Ok(unsafe { std::slice::from_raw_parts(first.cast(), count) })
}

/// The value that an input is or, for an encoded image, becomes.
///
/// # Safety
/// `view` points at a whole struct with all members set; its data lives as long as the call.
unsafe fn read_input(handle: &Handle, index: usize, view: *const View) -> Result<Value, Failure> {
    // SAFETY: by the contract.
    let View { data, bytes, dtype, rank, dims, .. } = unsafe { view.read() };
    // SAFETY: by the contract.
    let bytes = unsafe { bytes_at("the data of an input", data, bytes) }?;
    if dtype == abi::ENCODED_IMAGE {
        let recipe = handle.model.recipe().filter(|_| handle.takes_image());
        return Ok(recipe.ok_or(Failure::NoRecipe)?.prepare(bytes)?.into());
    }
    let input = index;
    let dtype = abi::dtype_of(dtype).ok_or(Failure::DType { input, found: dtype })?;
    let sizes = dims.get(..rank as usize).and_then(|dims| {
        dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<usize>>>()
    });
    let shape = sizes.ok_or(Failure::Dims { input, rank, dims: dims.to_vec() })?;
    let made = match dtype {
        DType::String => {
            let most = element_count(&shape).unwrap_or(usize::MAX);
            let row = TextRow::from_prefixed(bytes, most);
            let row = row.map_err(|reason| Failure::Text { input, reason })?;
            row.shaped(&shape).map(Value::from)
        }
        _ => Tensor::from_bytes(dtype, &shape, bytes).map(Value::from),
    };
    made.map_err(|reason| Failure::Data { input, reason })
}

/// Copies an answer to where the caller wants it, when there is room, and describes it.
///
/// # Safety
/// `view` points at a whole struct whose data has the room that it states.
unsafe fn write_output(index: usize, answer: &Value, view: *mut View) -> Result<(), Failure> {
    // SAFETY: by the contract; only what the caller has set is read.
    let (struct_size, data, room) = unsafe {
        let size = (&raw const (*view).struct_size).read();
        (size, (&raw const (*view).data).read(), (&raw const (*view).bytes).read())
    };
    let from = answer.wire_bytes();
    let shape = answer.shape();
    let (mut dims, needed) = ([0; abi::MAX_RANK], from.len());
    for (to, &size) in dims.iter_mut().zip(shape) {
        *to = size as i64;
    }
    let (dtype, rank) = (abi::dtype_code(answer.dtype()).0, shape.len() as u32);
    // SAFETY: by the contract.
    unsafe { view.write(View { struct_size, data, bytes: needed, dtype, rank, dims }) };
    if needed > room || (data.is_null() && needed > 0) {
        return Err(Failure::TooSmall { output: index, needed, room });
    }
    if needed > 0 {
        // SAFETY: there is room for so many bytes, by the contract, and no tensor of ours lies
        // in the caller's memory.
        unsafe { data.cast::<u8>().copy_from_nonoverlapping(from.as_ptr(), needed) };
    }
    Ok(())
}
