//! For `#[serde(with = "tensor::float_text")]`: floats that may be infinite or not a number,
//! which JSON has no digits for, are there written as `"inf"`, `"-inf"` and `"nan"`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Readable<T> {
    Number(T),
    Text(String),
}

/// Writes a number, or the name of one that has no digits; binary formats get its bits.
pub fn serialize<T, S>(x: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Copy + Into<f64> + Serialize,
    S: Serializer,
{
    let wide: f64 = (*x).into();
    if !serializer.is_human_readable() || wide.is_finite() {
        return x.serialize(serializer);
    }
    let name = if wide.is_nan() {
        "nan"
    } else if wide > 0.0 {
        "inf"
    } else {
        "-inf"
    };
    serializer.serialize_str(name)
}

/// Reads what [`serialize`] wrote.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: From<f32> + Deserialize<'de>,
    D: Deserializer<'de>,
{
    if !deserializer.is_human_readable() {
        return T::deserialize(deserializer);
    }
    match Readable::deserialize(deserializer)? {
        Readable::Number(x) => Ok(x),
        Readable::Text(name) => match name.as_str() {
            "inf" => Ok(T::from(f32::INFINITY)),
            "-inf" => Ok(T::from(f32::NEG_INFINITY)),
            "nan" => Ok(T::from(f32::NAN)),
            _ => {
                let message =
                    format!("expected a number, \"inf\", \"-inf\" or \"nan\", found {name:?}");
                Err(serde::de::Error::custom(message))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::scalar::Unary;

    #[test]
    fn infinite_bounds_are_written_and_read() {
        let clip = Unary::Clip { min: f32::NEG_INFINITY, max: 0.1 };
        let json = serde_json::to_string(&clip).unwrap();
        assert_eq!(json, r#"{"clip":{"min":"-inf","max":0.1}}"#);
        assert_eq!(serde_json::from_str::<Unary>(&json).unwrap(), clip);
        let bytes = postcard::to_stdvec(&clip).unwrap();
        assert_eq!(postcard::from_bytes::<Unary>(&bytes).unwrap(), clip);
        let error = serde_json::from_str::<Unary>(r#"{"clip":{"min":"x","max":0}}"#).unwrap_err();
        assert!(error.to_string().contains(r#"found "x""#), "{error}");
    }
}
