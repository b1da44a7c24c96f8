// Reads a target with go-tuf's client. Arguments: the repository's URL, a directory with the trusted root.json, the path.
// Prints the versions that it came to trust and the target's SHA-256; ends with an error where it refuses.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func main() {
	url, directory, path := os.Args[1], os.Args[2], os.Args[3]
	root := must(os.ReadFile(filepath.Join(directory, "root.json")))
	settings := must(config.New(url, root))
	settings.LocalMetadataDir = filepath.Join(directory, "metadata")
	settings.LocalTargetsDir = directory
	client := must(updater.New(settings))
	if err := client.Refresh(); err != nil {
		log.Fatal(err)
	}
	info := must(client.GetTargetInfo(path))
	_, target, err := client.DownloadTarget(info, "", "")
	if err != nil {
		log.Fatal(err)
	}
	trusted := client.GetTrustedMetadataSet()
	digest := sha256.Sum256(target)
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{
		"root":      trusted.Root.Signed.Version,
		"timestamp": trusted.Timestamp.Signed.Version,
		"snapshot":  trusted.Snapshot.Signed.Version,
		"sha256":    hex.EncodeToString(digest[:]),
	}); err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
