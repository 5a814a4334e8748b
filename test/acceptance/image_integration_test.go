//go:build integration

package acceptance

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
)

// becomesAnImage has buildah make the image that the release describes, and runs
// what the image begins with in a root of its own, as the image's user.
func becomesAnImage(t *testing.T, folder string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Logf("there are no images for %s", runtime.GOOS)
		return
	}
	image := buildImage(t, folder)
	if want := map[string]string{
		"org.opencontainers.image.title":    "vault-plugin-secrets-apikeys",
		"org.opencontainers.image.version":  releaseVersion,
		"org.opencontainers.image.licenses": "MPL-2.0",
		"io.buildah.version":                image.Config.Labels["io.buildah.version"],
	}; !maps.Equal(image.Config.Labels, want) {
		t.Errorf("the image is labelled %v", image.Config.Labels)
	}
	if image.Config.User != "65532:65532" || !slices.Equal(image.Config.Entrypoint, []string{"/vault-plugin-secrets-apikeys"}) || image.Architecture != runtime.GOARCH {
		t.Errorf("the image is run as %+v on %s", image.Config, image.Architecture)
	}
	files := map[string]os.FileMode{}
	err := filepath.Walk(image.root, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			files[strings.TrimPrefix(path, image.root)] = info.Mode().Perm()
		}
		return err
	})
	if want := map[string]os.FileMode{"/vault-plugin-secrets-apikeys": 0o555, "/LICENSE": 0o644}; err != nil || !maps.Equal(files, want) {
		t.Errorf("the image holds %v, %v", files, err)
	}
	if readFile(t, image.root, "vault-plugin-secrets-apikeys") != readFile(t, folder, releaseName(platform())) {
		t.Error("the image has another binary than the release")
	}
	begins(t, image)
}

// begins runs what the image begins with, which says that it is for Vault to run.
func begins(t *testing.T, image *image) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("only root may give a program a root of its own, so the image is not run")
		return
	}
	cmd := exec.Command(image.Config.Entrypoint[0])
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: image.root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || !strings.Contains(string(out), "This binary is a plugin") {
		t.Errorf("in the image, the plugin ends with %v and says %q", err, out)
	}
}

// image is one that was made, with its files below root.
type image struct {
	root         string
	Architecture string
	Config       struct {
		User       string
		Entrypoint []string
		Labels     map[string]string
	}
}

// buildImage runs buildah in a place of its own, as the comment of the Containerfile
// says with docker, and unpacks what it made.
func buildImage(t *testing.T, folder string) *image {
	t.Helper()
	tools, err := build.Buildah(t.Context(), os.Stderr)
	needs(t, "buildah", err)
	store := t.TempDir()
	libraries, err := filepath.Glob(filepath.Join(tools, "usr/lib/*-linux-gnu"))
	if err != nil || len(libraries) == 0 {
		t.Fatalf("%s has no libraries: %v", tools, err)
	}
	buildah := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(tools, "usr/bin/buildah"), append([]string{
			"--storage-driver", "vfs", "--root", filepath.Join(store, "root"), "--runroot", filepath.Join(store, "run"),
			"--registries-conf", filepath.Join(tools, "etc/containers/registries.conf"),
		}, args...)...)
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"), "HOME="+store)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("buildah %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	policy := "--signature-policy=" + filepath.Join(tools, "etc/containers/policy.json")
	buildah("bud", policy, "--isolation", "chroot", "-f", filepath.Join(folder, "Containerfile"),
		"--build-arg", "VERSION="+releaseVersion, "--build-arg", "TARGETARCH="+runtime.GOARCH, "-t", "apikeys:"+releaseVersion, folder)
	made := filepath.Join(store, "image")
	buildah("push", policy, "apikeys:"+releaseVersion, "oci:"+made+":"+releaseVersion)
	return unpackImage(t, made)
}

// unpackImage reads a folder of the OCI image layout.
func unpackImage(t *testing.T, folder string) *image {
	t.Helper()
	type described struct{ Digest, MediaType string }
	blob := func(of described) string {
		return filepath.Join(folder, "blobs", strings.ReplaceAll(of.Digest, ":", "/"))
	}
	read := func(path string, into any) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var index struct{ Manifests []described }
	read(filepath.Join(folder, "index.json"), &index)
	if len(index.Manifests) != 1 {
		t.Fatalf("there are %d images", len(index.Manifests))
	}
	var manifest struct {
		Config described
		Layers []described
	}
	read(blob(index.Manifests[0]), &manifest)
	made := &image{root: t.TempDir()}
	read(blob(manifest.Config), made)
	for _, layer := range manifest.Layers {
		unpackLayer(t, blob(layer), made.root)
	}
	// The folder of a test is its owner's alone, and the image's user is another.
	if err := os.Chmod(made.root, 0o755); err != nil {
		t.Fatal(err)
	}
	return made
}

func unpackLayer(t *testing.T, file, root string) {
	t.Helper()
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unzipped, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		path := filepath.Join(root, filepath.Clean("/"+header.Name))
		content, err := io.ReadAll(files)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, content, header.FileInfo().Mode())
		}
		if err == nil {
			err = os.Chmod(path, header.FileInfo().Mode()) // whatever the umask is
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
