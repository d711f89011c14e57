//! What a model file says of the images that it takes.

/// What a model file says of the images that its one input takes; what it is silent on is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pixels {
    /// What in the file says so, for people.
    pub origin: &'static str,
    /// The order of the channels.
    pub channels: Option<Channels>,
    /// The size of the image.
    pub framing: Option<Framing>,
    /// How levels become what the model takes.
    pub scale: Option<Scale>,
}

/// The channels of an image, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One.
    Gray,
}

/// How an image is brought to the model's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Not at all: the model's first layers do it.
    AsItIs,
    /// The shorter side is resized to this many pixels, and the middle square cropped.
    Cropped(usize),
    /// It is resized to this height and width, whatever its ratio.
    Stretched(usize, usize),
}

/// What the model takes is `(level - mean) / std`, levels being 0 to 255; one number for each
/// channel, or one for all.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Subtracted.
    pub mean: Vec<f64>,
    /// Divided by.
    pub std: Vec<f64>,
}

impl Scale {
    /// Levels as they are.
    pub fn levels() -> Scale {
        Scale { mean: vec![0.0], std: vec![1.0] }
    }

    /// From 0 to 1.
    pub fn unit() -> Scale {
        Scale { mean: vec![0.0], std: vec![255.0] }
    }

    /// From -1 to 1.
    pub fn signed() -> Scale {
        Scale { mean: vec![127.5], std: vec![127.5] }
    }
}
