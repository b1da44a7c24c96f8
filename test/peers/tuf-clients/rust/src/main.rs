//! Reads a target with tough, AWS's client. Arguments: the repository's folder, a folder with the trusted `root.json`, the path.
//! Prints the versions that it came to trust and the target's SHA-256; ends with an error where it refuses.

use std::error::Error;
use std::path::Path;

use aws_lc_rs::digest;
use futures::TryStreamExt;
use tough::{RepositoryLoader, TargetName};
use url::Url;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, repository, directory, path] = arguments.as_slice() else {
        return Err("give a repository, a directory and a path".into());
    };
    let root = std::fs::read(Path::new(directory).join("root.json"))?;
    let base = Url::from_directory_path(repository).map_err(|()| "the repository is no absolute path")?;
    let loaded = RepositoryLoader::new(&root, base.clone(), base.join("targets/")?).load().await?;
    let target = loaded.read_target(&TargetName::new(path)?).await?.ok_or("no such target")?;
    let bytes: Vec<u8> = target.try_fold(Vec::new(), |mut all, chunk| async move {
        all.extend_from_slice(&chunk);
        Ok(all)
    }).await?;
    let sha256: String = digest::digest(&digest::SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    println!(
        "{}",
        serde_json::json!({
            "root": loaded.root().signed.version,
            "timestamp": loaded.timestamp().signed.version,
            "snapshot": loaded.snapshot().signed.version,
            "sha256": sha256,
        })
    );
    Ok(())
}
