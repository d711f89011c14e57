//! Settings of trace and log as clients write them.

use server::{LogSetting, Refusal, TraceSetting};

/// Most of a client's text that comes back in an error, in characters.
const QUOTED_MAX: usize = 64;

/// What a client changes of what is logged; what it does not name stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogUpdate {
    /// Whether answered requests are logged.
    pub info: Option<bool>,
    /// Whether warnings are.
    pub warning: Option<bool>,
    /// Whether errors are.
    pub error: Option<bool>,
    /// How much more is told.
    pub verbose_level: Option<u32>,
    /// Whether times are written as ISO 8601 has them.
    pub is_iso8601: Option<bool>,
}

impl LogUpdate {
    /// Changes the setting.
    pub fn apply(self, log: &mut LogSetting) {
        log.info = self.info.unwrap_or(log.info);
        log.warning = self.warning.unwrap_or(log.warning);
        log.error = self.error.unwrap_or(log.error);
        log.verbose_level = self.verbose_level.unwrap_or(log.verbose_level);
        log.is_iso8601 = self.is_iso8601.unwrap_or(log.is_iso8601);
    }
}

/// The names of levels to times and tensors, or neither.
///
/// # Errors
/// When a name is none of a level, or `OFF` beside another.
pub fn level<'a>(names: impl Iterator<Item = &'a str>) -> Result<(bool, bool), Refusal> {
    let (mut timestamps, mut tensors, mut is_off, mut count) = (false, false, false, 0);
    for name in names {
        count += 1;
        match name {
            "OFF" => is_off = true,
            "TIMESTAMPS" => timestamps = true,
            "TENSORS" => tensors = true,
            other => {
                return Err(Refusal::InvalidArgument(format!(
                    "expected the trace levels OFF, TIMESTAMPS or TENSORS, found '{}'",
                    quoted(other)
                )));
            }
        }
    }
    if is_off && count > 1 {
        let text = "Expect only one trace level 'OFF' is specified";
        return Err(Refusal::InvalidArgument(text.to_string()));
    }
    Ok((timestamps, tensors))
}

/// The levels that are set, by name.
pub fn levels(setting: &TraceSetting) -> Vec<&'static str> {
    let levels = [(setting.timestamps, "TIMESTAMPS"), (setting.tensors, "TENSORS")];
    let set: Vec<&str> =
        levels.iter().filter(|(is_set, _)| *is_set).map(|(_, level)| *level).collect();
    if set.is_empty() { vec!["OFF"] } else { set }
}

/// A number, or none, which takes the setting back. Triton's clients send numbers as strings.
///
/// # Errors
/// When the text is no number, or one out of range.
pub fn number<T>(key: &str, text: Option<&str>, low: T, high: T) -> Result<Option<T>, Refusal>
where
    T: TryFrom<i64> + std::fmt::Display + PartialOrd,
{
    let Some(text) = text else { return Ok(None) };
    let none =
        || Refusal::InvalidArgument(format!("Unable to parse '{key}', got: {}", quoted(text)));
    let wide: i64 = text.trim().parse().map_err(|_| none())?;
    let value = T::try_from(wide).ok().filter(|value| *value >= low && *value <= high);
    value.map(Some).ok_or_else(|| {
        Refusal::InvalidArgument(format!(
            "Unable to parse '{key}', value is out of range [ {low}, {high} ], got: {}",
            quoted(text)
        ))
    })
}

/// Nobody on the network says where this server writes.
pub fn file_refused(what: &str) -> Refusal {
    let text = format!("{what} file location can not be updated through network protocol");
    Refusal::Unimplemented(text)
}

/// Does this format of the log write times as ISO 8601 has them?
///
/// # Errors
/// When there is no such format.
pub fn is_iso8601(format: &str) -> Result<bool, Refusal> {
    match format {
        "default" => Ok(false),
        "ISO8601" => Ok(true),
        other => {
            let text = format!("invalid argument for log_format, got: {}", quoted(other));
            Err(Refusal::InvalidArgument(text))
        }
    }
}

/// The name of the log's format.
pub fn format_name(log: &LogSetting) -> &'static str {
    if log.is_iso8601 { "ISO8601" } else { "default" }
}

/// The beginning of a client's text, short enough for an error.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX) {
        None => text.to_string(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
