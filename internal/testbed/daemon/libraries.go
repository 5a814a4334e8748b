package daemon

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Libraries are the folders that hold the shared libraries of packages that are
// unpacked below root: what LD_LIBRARY_PATH has to name.
func Libraries(root string) []string {
	var found []string
	filepath.WalkDir(filepath.Join(root, "usr", "lib"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.Contains(entry.Name(), ".so") && !slices.Contains(found, filepath.Dir(path)) {
			found = append(found, filepath.Dir(path))
		}
		return nil
	})
	return found
}
