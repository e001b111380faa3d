//! Where the lab keeps what it writes for itself: the fetched corpus, checkpoints, progress.

use std::path::PathBuf;

use etcetera::AppStrategy;
use etcetera::app_strategy::{AppStrategyArgs, choose_native_strategy};

/// The environment variable that puts everything the lab keeps in one folder.
pub const HOME_VARIABLE: &str = "GPT_LAB_HOME";

/// The lab's folder, whether it exists or not: `GPT_LAB_HOME`, or the platform's folder for an application's data
/// (XDG on Linux: `~/.local/share/gpt-lab`); `None` where the user has no home folder.
pub fn data() -> Option<PathBuf> {
    if let Some(home) = std::env::var_os(HOME_VARIABLE).filter(|home| !home.is_empty()) {
        return Some(PathBuf::from(home));
    }
    let application = AppStrategyArgs {
        top_level_domain: "org".to_owned(),
        author: "gpt-lab".to_owned(),
        app_name: "gpt-lab".to_owned(),
    };
    Some(choose_native_strategy(application).ok()?.data_dir())
}
