package build

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/semver"
)

// VaultVersion returns the path of a Vault of one version, such as v1.21.2, which is
// built on first use whatever VAULT_BIN and PATH say. It has the dependencies that its
// own go.mod asks for, verified by Go's checksum database. What takes long is told to
// log.
func VaultVersion(ctx context.Context, log io.Writer, version string) (string, error) {
	if !semver.IsValid(version) || semver.Canonical(version) != version || semver.Prerelease(version) != "" {
		return "", fmt.Errorf("%q is no release of Vault: write it with three numbers, such as v1.21.2", version)
	}
	var also []string
	if sdk := vaultSDK[semver.MajorMinor(version)]; sdk != "" {
		also = append(also, vaultModule+"/sdk@"+sdk)
	}
	return vault.released(ctx, log, version, also...)
}

// vaultSDK is the version of Vault's SDK that the sources of a line of Vaults fit, where
// that is not the one which their go.mod requires: it has the SDK of the same tree take
// that one's place, which who depends on Vault does not see.
var vaultSDK = map[string]string{"v1.19": "v0.17.0"}

// released returns the server's binary of a version that no module of scripts/servers
// pins, building it first if no earlier run did. What also names is required beside it.
func (r recipe) released(ctx context.Context, log io.Writer, version string, also ...string) (string, error) {
	home, err := keep(ctx, log, r.name, strings.TrimPrefix(version, "v")+"-"+r.releaseFingerprint(also), func(dir string) error {
		src, remove, err := r.requiring(ctx, version, also)
		if err != nil {
			return err
		}
		defer remove()
		return r.build(ctx, log, src, version, dir)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(home, r.name), nil
}

// releaseFingerprint changes whenever the same release would make another binary.
func (r recipe) releaseFingerprint(also []string) string {
	hash := sha256.New()
	fmt.Fprintln(hash, "released", path.Join(r.module, r.main), also, r.tags, r.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return fmt.Sprintf("%x", hash.Sum(nil)[:6])
}

// requiring makes a module that requires a version of the server, and what is named also. The
// build completes it: what the server's tags leave out need not even be had.
func (r recipe) requiring(ctx context.Context, version string, also []string) (src module, remove func(), err error) {
	dir, err := os.MkdirTemp("", r.name)
	if err != nil {
		return module{}, nil, err
	}
	src, remove = module{dir: dir, completed: true}, func() { os.RemoveAll(dir) }
	steps := [][]string{{"mod", "init", "server"}}
	for _, required := range append([]string{r.module + "@" + version}, also...) {
		steps = append(steps, []string{"mod", "edit", "-require=" + required})
	}
	for _, args := range steps {
		if out, err := src.command(ctx, args...).CombinedOutput(); err != nil {
			remove()
			return module{}, nil, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return src, remove, nil
}
