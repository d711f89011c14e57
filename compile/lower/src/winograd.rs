//! When a convolution takes its Winograd form, and its weights in that form.
//!
//! The form multiplies less often, and pays with larger weights: tiles of 4x4 make them 4 times
//! the size, in the library and in what every run reads; tiles of 2x2 make them 1.8 times the
//! size. So it is taken only where it wins time.

use crate::Lowering;
use kernels::conv::ConvShape;
pub(crate) use kernels::winograd::is_possible;
use kernels::winograd::{self, Tile};
use plan::{BufferId, Precision, WinogradTile};
use tensor::{DType, Tensor};

/// Below so many input channels the transforms cost what the products save: with 8 the form is
/// 1.5 times as fast, with 3 it is not faster at all.
const CHANNELS_MIN: usize = 8;

/// From so many input channels on, reading the weights is what takes the time; below, 2x2 tiles
/// win little, and the larger weights of 4x4 tiles are small all the same.
const CHANNELS_MANY: usize = 128;

/// Every weight must serve so many tiles, or reading the larger weights takes longer than the
/// multiplications that they save. One core, ResNet-50, plain form = 1, AVX-512 (AVX2):
///
/// | layer      | 4x4 tiles     | speed     | 2x2 tiles | speed     |
/// |------------|---------------|-----------|-----------|-----------|
/// | 56x56 64   | 196           | 3.1 (2.9) | 784       | 1.9 (1.8) |
/// | 28x28 128  | 49            | 3.1 (2.6) | 196       | 1.9 (1.7) |
/// | 14x14 256  | 16            | 2.3 (1.6) | 49        | 1.9 (1.6) |
/// | 7x7 512    | 4             | 1.4 (1.2) | 16        | 1.5 (1.1) |
/// | 4x4 256    | 1             | 0.5 (0.6) | 4         | 1.0 (1.0) |
const TILES_MIN: usize = 16;

/// What 4x4 tiles need with many channels: with the 16 of the 14x14 layers the whole of ResNet-50
/// was no faster than with 2x2 tiles there, and its library a fifth larger.
const TILES_MIN_MANY: usize = 32;

/// The tiles with which a convolution is expected to be faster than without, if any.
pub(crate) fn choose(shape: &ConvShape) -> Option<WinogradTile> {
    let is_worth = |size: usize, products: usize, tiles_min: usize| {
        let (down, across) = (shape.out_h.div_ceil(size), shape.out_w.div_ceil(size));
        let tiles = shape.batch * down * across;
        let direct = shape.batch * shape.out_h * shape.out_w * 9;
        // Tiles that overhang the image multiply in vain; a third must be saved all the same.
        tiles >= tiles_min && 3 * tiles * products <= 2 * direct
    };
    if !winograd::is_possible(shape) || shape.in_c < CHANNELS_MIN {
        return None;
    }
    let has_many = shape.in_c >= CHANNELS_MANY;
    if is_worth(4, 36, if has_many { TILES_MIN_MANY } else { TILES_MIN }) {
        Some(WinogradTile::Four)
    } else if has_many && is_worth(2, 16, TILES_MIN) {
        Some(WinogradTile::Two)
    } else {
        None
    }
}

impl Lowering<'_> {
    /// `[O, C, 3, 3]` transformed, in the order of the Winograd kernels.
    pub(crate) fn winograd_weights(
        &mut self,
        tile: WinogradTile,
        weights: &Tensor,
        shape: &ConvShape,
    ) -> BufferId {
        let tile = match tile {
            WinogradTile::Two => Tile::Two,
            WinogradTile::Four => Tile::Four,
        };
        let elements = weights.as_slice::<f32>().expect("checked to be f32");
        // The transforms of 4x4 tiles would multiply the errors of bf16 by 8.
        if self.options.precision == Precision::Bf16 && tile == Tile::Two {
            let mut packed = vec![0u16; winograd::packed_bf16_len(tile, shape)];
            winograd::pack_weights_bf16(tile, elements, shape, &mut packed);
            return self.packed_constant(DType::BF16, packed);
        }
        let mut packed = vec![0f32; winograd::packed_len(tile, shape)];
        winograd::pack_weights(tile, elements, shape, &mut packed);
        self.packed_constant(DType::F32, packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A convolution by 3x3 kernels that keeps the size of its image.
    fn square(batch: usize, side: usize, channels: usize) -> ConvShape {
        ConvShape {
            batch,
            in_h: side,
            in_w: side,
            in_c: channels,
            out_h: side,
            out_w: side,
            out_c: channels,
            groups: 1,
            kernel: [3; 2],
            strides: [1; 2],
            dilations: [1; 2],
            pads: [1; 4],
        }
    }

    #[test]
    fn larger_tiles_are_for_larger_images() {
        let (two, four) = (Some(WinogradTile::Two), Some(WinogradTile::Four));
        for (batch, side, channels, expected) in [
            (1, 56, 64, four),
            (1, 28, 128, four),
            (1, 14, 64, four),
            (1, 14, 256, two),
            (1, 112, 3, None),
            (1, 7, 512, two),
            (8, 7, 512, four),
            (1, 7, 64, None),
            (1, 4, 256, None),
            // Many tiles, of which one pixel each is in the image.
            (64, 1, 256, None),
            (1, 0, 256, None),
        ] {
            let shape = square(batch, side, channels);
            assert_eq!(choose(&shape), expected, "{shape:?}");
        }
    }

    #[test]
    fn other_convolutions_have_no_such_form() {
        let shape = square(1, 56, 64);
        for other in [
            ConvShape { strides: [2, 1], ..shape },
            ConvShape { dilations: [1, 2], ..shape },
            ConvShape { kernel: [3, 1], ..shape },
            ConvShape { groups: 2, ..shape },
        ] {
            assert_eq!(choose(&other), None, "{other:?}");
        }
    }
}
