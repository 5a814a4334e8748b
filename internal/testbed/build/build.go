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
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// self is the module that holds this package; the servers' modules lie below it.
const self = "vault-plugin-secrets-apikeys"

// ErrNoCompiler says that a server cannot be built here, since a part of it is
// written in C.
var ErrNoCompiler = errors.New("there is no C compiler")

// recipe says how one server is built.
type recipe struct {
	name     string   // of the binary
	of       string   // its folder under scripts/servers, where it has another name
	module   string   // that holds the server's main package
	main     string   // where in the module that package is; "" for its root
	own      string   // a main package of ours in the server's folder, which takes that one's place
	tags     string   // build tags
	cgo      bool     // a C compiler is needed
	version  string   // the variable to set to the version, if the server asks for it
	beside   []string // folders of the module that the server reads at run time
	tools    []string // folders of programs of our own in the server's module, which use it
	estimate string   // of a cold build, for the one who waits
}

// path returns the server's binary in the cache, building it first if no
// earlier run did.
func (r recipe) path(ctx context.Context, log io.Writer) (string, error) {
	src, err := sources(ctx, r.folder())
	if err != nil {
		return "", err
	}
	return r.from(ctx, log, src)
}

// folder is the server's below scripts/servers.
func (r recipe) folder() string {
	if r.of != "" {
		return r.of
	}
	return r.name
}

func (r recipe) from(ctx context.Context, log io.Writer, src module) (string, error) {
	version, err := src.version(ctx, r.module)
	if err != nil {
		return "", err
	}
	sum, err := r.fingerprint(src)
	if err != nil {
		return "", err
	}
	home, err := keep(ctx, log, r.name, strings.TrimPrefix(version, "v")+"-"+sum, func(dir string) error {
		return r.build(ctx, log, src, version, dir)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(home, r.name), nil
}

// build makes the server in a folder.
func (r recipe) build(ctx context.Context, log io.Writer, src module, version, dir string) error {
	if r.cgo && !src.hasCompiler(ctx) {
		return fmt.Errorf("building %s: %w; install gcc, or name a ready binary in %s_BIN", r.name, ErrNoCompiler, strings.ToUpper(r.name))
	}
	fmt.Fprintf(log, "Building %s %s with the Go toolchain, once: about %s on two cores. It is kept in %s.\n", r.name, version, r.estimate, filepath.Dir(dir))
	args := []string{"build", "-v", "-trimpath", "-tags", r.tags, "-o", filepath.Join(dir, r.name)}
	source := path.Join(r.module, r.main)
	if r.own != "" {
		source = "./" + r.own
	}
	if r.version != "" {
		args = append(args, "-ldflags", fmt.Sprintf("-X %s=%s", r.version, strings.TrimPrefix(version, "v")))
	}
	if err := src.build(ctx, log, r.name, append(args, source)...); err != nil {
		return err
	}
	for _, tool := range r.tools {
		if err := src.build(ctx, log, r.name, "build", "-v", "-trimpath", "-o", filepath.Join(dir, tool), "./"+tool); err != nil {
			return err
		}
	}
	return r.copyBeside(ctx, src, dir)
}

// copyBeside puts the folders that the server reads at run time beside it.
func (r recipe) copyBeside(ctx context.Context, src module, into string) error {
	if len(r.beside) == 0 {
		return nil
	}
	dir, err := src.query(ctx, "{{.Dir}}", r.module)
	if err != nil {
		return err
	}
	for _, folder := range r.beside {
		if err := os.CopyFS(filepath.Join(into, folder), os.DirFS(filepath.Join(dir, folder))); err != nil {
			return fmt.Errorf("copying what %s reads at run time: %w", r.name, err)
		}
	}
	return nil
}

// fingerprint changes whenever the same sources would make another binary.
func (r recipe) fingerprint(src module) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, path.Join(r.module, r.main), r.tags, r.version, r.beside, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	files := []string{"go.mod", "go.sum"}
	for _, ours := range append([]string{r.own}, r.tools...) {
		if ours != "" {
			files = append(files, filepath.Join(ours, "main.go"))
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(src.dir, file))
		if err != nil {
			return "", err
		}
		hash.Write(text)
	}
	return fmt.Sprintf("%x", hash.Sum(nil)[:6]), nil
}

// module is a server's own Go module, under scripts/servers or made for a version.
type module struct {
	dir       string
	completed bool // a build adds the requirements that go.mod lacks
}

// sources finds the named server's module from anywhere in the tree.
func sources(ctx context.Context, name string) (module, error) {
	root, err := module{}.query(ctx, "{{.Dir}}", self)
	if err != nil {
		return module{}, fmt.Errorf("%s is built from the sources of %s, which are not here: %w", name, self, err)
	}
	return module{dir: filepath.Join(root, "scripts", "servers", name)}, nil
}

func (m module) version(ctx context.Context, path string) (string, error) {
	return m.query(ctx, "{{.Version}}", path)
}

// query asks the Go command about a module that m requires.
func (m module) query(ctx context.Context, format, path string) (string, error) {
	var stderr bytes.Buffer
	cmd := m.command(ctx, "list", "-m", "-f", format, path)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w: %s", path, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// hasCompiler says whether C can be compiled, as the Go command sees it.
func (m module) hasCompiler(ctx context.Context) bool {
	out, err := m.command(ctx, "env", "CGO_ENABLED").Output()
	return err == nil && strings.TrimSpace(string(out)) == "1"
}

// build runs the Go command and tells its progress to log.
func (m module) build(ctx context.Context, log io.Writer, name string, args ...string) error {
	progress := startProgress(log, name)
	cmd := m.command(ctx, args...)
	cmd.Stderr = progress
	err := cmd.Run()
	progress.stop()
	if err != nil {
		return errors.Join(fmt.Errorf("building %s: %w", name, err), errors.New(progress.lastLines()))
	}
	return nil
}

// command leaves the caller's flags out: -race or -mod of the plugin's build
// are not the server's.
func (m module) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = m.dir
	flags := "GOFLAGS=-buildvcs=false"
	if m.completed {
		flags += " -mod=mod"
	}
	cmd.Env = append(os.Environ(), flags, "GOWORK=off")
	return cmd
}
