package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// debianRecipe says which package of Debian holds a server. It is unpacked into
// the cache with what it depends on and the machine lacks, and not installed:
// nothing of the machine changes, and nobody needs to be root. What the package
// would have done when installed is left to the one who starts the server.
type debianRecipe struct {
	name    string // of its folder under scripts/servers
	title   string // for people
	program string // that must be there afterwards, below the folder, as a pattern
}

// debianPackage is what the recipe's folder pins: the package, the version of the
// server in it, without Debian's own numbers, and packages that come with it although
// it does not depend on them.
type debianPackage struct {
	name, version string
	beside        []string
}

// path returns the folder in the cache into which the packages are unpacked, as if
// it were the root of a file system.
func (r debianRecipe) path(ctx context.Context, log io.Writer) (string, error) {
	for _, program := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", &Missing{Server: r.title, Program: program, Install: r.title + " on a machine with Debian 12"}
		}
	}
	src, err := sources(ctx, r.name)
	if err != nil {
		return "", err
	}
	pinned, err := pinnedPackage(src.dir)
	if err != nil {
		return "", err
	}
	edition := fmt.Sprintf("%s-%s", pinned.version, runtime.GOARCH)
	return keep(ctx, log, r.name, edition, func(dir string) error {
		fmt.Fprintf(log, "Getting %s %s from Debian, once: less than a minute. It is kept in %s.\n", r.title, pinned.version, filepath.Dir(dir))
		return r.unpack(ctx, pinned, dir)
	})
}

func pinnedPackage(dir string) (debianPackage, error) {
	text, err := os.ReadFile(filepath.Join(dir, "package"))
	if err != nil {
		return debianPackage{}, err
	}
	words := strings.Fields(string(text))
	if len(words) < 2 {
		return debianPackage{}, fmt.Errorf("%s names no package and version", dir)
	}
	return debianPackage{words[0], words[1], words[2:]}, nil
}

// unpack takes the lists of packages that the machine has, and newer ones of its own
// where those do not serve.
func (r debianRecipe) unpack(ctx context.Context, pinned debianPackage, dir string) error {
	downloads, err := os.MkdirTemp(filepath.Dir(dir), "debian")
	if err != nil {
		return err
	}
	defer os.RemoveAll(downloads)
	apt := apt{dir: downloads}
	names := append([]string{pinned.name}, pinned.beside...)
	files, err := apt.download(ctx, names)
	if err != nil {
		if err := apt.update(ctx); err != nil {
			return fmt.Errorf("getting %s from Debian: %w", r.title, err)
		}
		if files, err = apt.download(ctx, names); err != nil {
			return fmt.Errorf("getting %s from Debian: %w", r.title, err)
		}
	}
	if !holds(files, pinned) {
		return &Missing{Server: r.title, Program: pinned.name + " " + pinned.version, Install: "Debian 12, which has it"}
	}
	for _, file := range files {
		if _, err := run(exec.CommandContext(ctx, "dpkg-deb", "--extract", file, dir)); err != nil {
			return err
		}
	}
	if found, err := filepath.Glob(filepath.Join(dir, r.program)); err != nil || len(found) == 0 {
		return fmt.Errorf("the package %s of Debian has no %s", pinned.name, r.program)
	}
	return nil
}

// holds says whether the package is among the files, in that version of the
// server: name_[epoch:]version[~+-of Debian]_architecture.deb.
func holds(files []string, pinned debianPackage) bool {
	for _, file := range files {
		name, rest, _ := strings.Cut(filepath.Base(file), "_")
		version, _, _ := strings.Cut(rest, "_")
		if _, after, found := strings.Cut(version, "%3a"); found {
			version = after
		}
		if after, same := strings.CutPrefix(version, pinned.version); name == pinned.name && same && (after == "" || strings.ContainsAny(after[:1], "-+~")) {
			return true
		}
	}
	return false
}

// apt gets packages into a folder.
type apt struct {
	dir   string
	lists []string // options that name other lists than the machine's
}

// update reads what Debian has now into lists beside the packages.
func (a *apt) update(ctx context.Context) error {
	lists := filepath.Join(a.dir, "lists")
	if err := os.MkdirAll(filepath.Join(lists, "partial"), 0o755); err != nil {
		return err
	}
	a.lists = []string{"-o", "Dir::State::lists=" + lists, "-o", "Dir::Cache=" + filepath.Join(a.dir, "cache")}
	_, err := run(a.get(ctx, "update"))
	return err
}

// download gets the packages and what they need and the machine lacks.
func (a *apt) download(ctx context.Context, names []string) (files []string, err error) {
	said, err := run(a.get(ctx, append([]string{"install", "--yes", "--no-install-recommends", "--reinstall", "--print-uris"}, names...)...))
	if err != nil {
		return nil, err
	}
	download := []string{"download"}
	for line := range strings.Lines(said) {
		if address, _, found := strings.Cut(strings.TrimPrefix(line, "'"), "' "); found && strings.HasPrefix(line, "'") {
			needed, _, _ := strings.Cut(path.Base(address), "_")
			download = append(download, needed)
		}
	}
	if len(download) == 1 {
		return nil, fmt.Errorf("apt-get names no packages to get for %s", names[0])
	}
	if _, err := run(a.get(ctx, download...)); err != nil {
		return nil, err
	}
	return filepath.Glob(filepath.Join(a.dir, "*.deb"))
}

func (a *apt) get(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "apt-get", append(append([]string{"--quiet", "-o", "APT::Sandbox::User=", "-o", "Debug::NoLocking=1"}, a.lists...), args...)...)
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}

// run returns what a command printed; its error holds what it complained of.
func run(cmd *exec.Cmd) (string, error) {
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return "", errors.Join(fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err), errors.New(strings.TrimSpace(complaints.String())))
	}
	return string(out), nil
}
