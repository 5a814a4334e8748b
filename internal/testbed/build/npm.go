package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// npmRecipe says which package npm installs, with exactly the dependencies of
// its lock file.
type npmRecipe struct {
	name     string // of its folder under scripts/servers
	title    string // for people
	estimate string // of an install, for the one who waits
}

// packageFiles say what npm installs.
var packageFiles = []string{"package.json", "package-lock.json"}

// path returns the folder in the cache that holds node_modules, installing it
// first if no earlier run did.
func (r npmRecipe) path(ctx context.Context, log io.Writer) (string, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", &Missing{Server: r.title, Program: program, Install: "Node.js 20 or newer, with npm"}
		}
	}
	src, err := sources(ctx, r.name)
	if err != nil {
		return "", err
	}
	sum, err := r.fingerprint(src.dir)
	if err != nil {
		return "", err
	}
	return keep(ctx, log, r.name, sum, func(dir string) error { return r.install(ctx, log, src.dir, dir) })
}

// fingerprint changes whenever something else would be installed.
func (r npmRecipe) fingerprint(src string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.GOOS, runtime.GOARCH)
	for _, file := range packageFiles {
		text, err := os.ReadFile(filepath.Join(src, file))
		if err != nil {
			return "", err
		}
		hash.Write(text)
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:6]), nil
}

// install runs npm. No package's own script is run: none of them needs it.
func (r npmRecipe) install(ctx context.Context, log io.Writer, src, dir string) error {
	fmt.Fprintf(log, "Installing %s with npm, once: about %s. It is kept in %s.\n", r.title, r.estimate, filepath.Dir(dir))
	for _, file := range packageFiles {
		text, err := os.ReadFile(filepath.Join(src, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return err
		}
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("installing %s with npm: %w", r.title, err), errors.New(string(bytes.TrimSpace(out))))
	}
	return nil
}
