package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// CacheDir returns the folder in which servers are kept: the one that
// APIKEYS_CACHE names, else one in the user's cache folder.
func CacheDir() (string, error) {
	dir := os.Getenv("APIKEYS_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("there is no cache folder, name one in APIKEYS_CACHE: %w", err)
		}
		dir = filepath.Join(user, self)
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// keep returns the cache's folder of a server in one edition, having it made
// first if no earlier run did. It is made in a folder beside that, which is
// then renamed, so that it is there whole or not at all. Runs at the same time
// wait for each other.
func keep(ctx context.Context, log io.Writer, name, edition string, make func(dir string) error) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, name+"-"+edition)
	if exists(home) {
		return home, nil
	}

	unlock, err := lock(ctx, home+".lock", func() {
		fmt.Fprintf(log, "Another run is getting %s; waiting for it.\n", name)
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(home) {
		return home, nil
	}
	unfinished := home + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return "", err
	}
	defer os.RemoveAll(unfinished)
	if err := os.Mkdir(unfinished, 0o755); err != nil {
		return "", err
	}
	if err := make(unfinished); err != nil {
		return "", err
	}
	return home, os.Rename(unfinished, home)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
