//! The profile as JSON: the fields that scripts rely on are the fields of [`trace::Profile`], so nothing is renamed.

use trace::Profile;

/// One JSON object, indented, with `schema` first. Numbers that are not finite are null, as JSON has none.
pub fn json(profile: &Profile) -> String {
    // Keys are strings and there is no map with others, so this cannot fail.
    let value = serde_json::to_value(profile).unwrap_or_default();
    crate::traces::pretty(&value)
}
