//go:build integration

package acceptance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

const releaseVersion, releaseCommit = "v9.8.7", "0123456789abcdef0123456789abcdef01234567"

// TestReleaseIsTheSameTwice makes a release of the sources in two places, and
// compares every byte.
func TestReleaseIsTheSameTwice(t *testing.T) {
	t.Parallel()
	first := makeRelease(t, t.TempDir())
	key, signers := newSigner(t, "release@example.com")
	second := makeRelease(t, filepath.Join(t.TempDir(), "elsewhere"), "SIGNING_KEY="+key)
	sums := readFile(t, first, "SHA256SUMS")
	if other := readFile(t, second, "SHA256SUMS"); other != sums {
		t.Errorf("two releases of the same sources differ:\n%s\n%s", sums, other)
	}
	listed := regexp.MustCompile(`(?m)^[0-9a-f]{64}  (\S+)$`).FindAllStringSubmatch(sums, -1)
	var names []string
	for _, line := range listed {
		names = append(names, line[1])
	}
	if want := []string{"Containerfile", "LICENSE", "register", releaseName(platform()), releaseName(platform() + ".cdx.json")}; !slices.Equal(names, want) {
		t.Errorf("the release has %v, want %v", names, want)
	}
	tellsWhatIsInIt(t, first)
	becomesAnImage(t, first)
	refusesWhatIsNotTheRelease(t, first)
	takesWhatIsSigned(t, second, signers)
	runsUnderItsVersion(t, first)
}

// makeRelease makes one for this platform, of a copy of the sources elsewhere.
func makeRelease(t *testing.T, sources string, settings ...string) (folder string) {
	t.Helper()
	tracked, err := exec.Command("git", "-C", "../..", "ls-files", "-z").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(tracked), "\x00"), "\x00") {
		copyFile(t, filepath.Join("..", "..", name), filepath.Join(sources, name))
	}
	folder = filepath.Join(t.TempDir(), "release")
	cmd := exec.Command("scripts/release", releaseVersion, folder)
	cmd.Dir = sources
	cmd.Env = append(os.Environ(), "COMMIT="+releaseCommit, "PLATFORMS="+runtime.GOOS+"/"+runtime.GOARCH)
	cmd.Env = append(cmd.Env, settings...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

func releaseName(rest string) string {
	return "vault-plugin-secrets-apikeys_" + releaseVersion + "_" + rest
}

func platform() string { return runtime.GOOS + "_" + runtime.GOARCH }

// tellsWhatIsInIt: the SBOM names what the plugin is made of, each under a
// licence that goes together with the plugin's.
func tellsWhatIsInIt(t *testing.T, folder string) {
	t.Helper()
	var bom struct {
		BOMFormat string
		Metadata  struct {
			Component struct{ Name, Version string }
		}
		Components []struct {
			Name, Version string
			Licenses      []struct{ License struct{ ID, Name string } }
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, folder, releaseName(platform()+".cdx.json"))), &bom); err != nil {
		t.Fatal(err)
	}
	if bom.BOMFormat != "CycloneDX" || bom.Metadata.Component.Version != releaseVersion || len(bom.Components) < 50 {
		t.Errorf("the SBOM is a %s of %v, with %d parts", bom.BOMFormat, bom.Metadata.Component, len(bom.Components))
	}
	known := []string{
		"MPL-2.0", "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC",
		"BSD-Source-Code", // as the tool calls that of Go's own modules, BSD-3-Clause
		"CC-BY-SA-4.0",    // of go-digest's documentation; its code is under Apache-2.0
	}
	untold := map[string]string{ // whose licence the tool does not find
		"std":                             "the Go standard library, BSD-3-Clause",
		"github.com/hashicorp/go-metrics": "MIT",
		"vault-plugin-secrets-apikeys":    "this one, MPL-2.0",
	}
	for _, part := range bom.Components {
		if len(part.Licenses) == 0 && untold[part.Name] == "" {
			t.Errorf("nobody knows the licence of %s %s", part.Name, part.Version)
		}
		for _, l := range part.Licenses {
			if !slices.Contains(known, l.License.ID) {
				t.Errorf("%s %s is under %q, which is not known to go together with the MPL", part.Name, part.Version, l.License.ID+l.License.Name)
			}
		}
	}
}

// refusesWhatIsNotTheRelease: neither a changed binary nor one without the
// right signature gets into Vault's folder.
func refusesWhatIsNotTheRelease(t *testing.T, folder string) {
	t.Helper()
	plugins := t.TempDir()
	signers := sign(t, folder, "release@example.com")
	for name, test := range map[string]struct {
		settings []string
		spoil    func(t *testing.T, copied string)
		says     string
	}{
		"changed binary":  {spoil: func(t *testing.T, copied string) { appendTo(t, filepath.Join(copied, releaseName(platform()))) }, says: "is not the one of SHA256SUMS"},
		"changed sums":    {settings: []string{"SIGNERS=" + signers}, spoil: func(t *testing.T, copied string) { appendTo(t, filepath.Join(copied, "SHA256SUMS")) }, says: "signature of SHA256SUMS is not"},
		"not signed":      {settings: []string{"SIGNERS=" + signers}, spoil: func(t *testing.T, copied string) { os.Remove(filepath.Join(copied, "SHA256SUMS.sig")) }, says: "not signed"},
		"another's hand":  {settings: []string{"SIGNERS=" + signers}, spoil: func(t *testing.T, copied string) { sign(t, copied, "mallory@example.com") }, says: "None of the signers"},
		"another machine": {spoil: func(t *testing.T, copied string) { os.Remove(filepath.Join(copied, releaseName(platform()))) }, says: "There are 0 binaries"},
	} {
		copied := t.TempDir()
		if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		test.spoil(t, copied)
		out, err := register(t, copied, append(test.settings, "PLUGIN_DIRECTORY="+plugins)...)
		if err == nil || !strings.Contains(out, test.says) || !strings.Contains(out, "nothing was registered") {
			t.Errorf("%s: %v, %s", name, err, out)
		}
		if left := filesIn(t, plugins); len(left) > 0 {
			t.Errorf("%s: it left %v", name, left)
		}
	}
}

// takesWhatIsSigned: the release's own signature is taken by whoever knows its key.
func takesWhatIsSigned(t *testing.T, folder, signers string) {
	t.Helper()
	out, err := register(t, folder, "SIGNERS="+signers, "PLUGIN_DIRECTORY="+t.TempDir(), "INSTALL_ONLY=1")
	if err != nil || !strings.Contains(out, "Signed by release@example.com") {
		t.Errorf("what is signed is refused: %v, %s", err, out)
	}
}

// sign signs a release with a key of somebody's, and returns the file that says
// whose key that is.
func sign(t *testing.T, folder, who string) (signers string) {
	t.Helper()
	key, signers := newSigner(t, who)
	sums := filepath.Join(folder, "SHA256SUMS")
	os.Remove(sums + ".sig")
	keygen(t, "-q", "-Y", "sign", "-n", "vault-plugin-secrets-apikeys", "-f", key, sums)
	return signers
}

// newSigner makes somebody's key, and the file that says whose it is.
func newSigner(t *testing.T, who string) (key, signers string) {
	t.Helper()
	dir := t.TempDir()
	key, signers = filepath.Join(dir, "key"), filepath.Join(dir, "signers")
	keygen(t, "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", key)
	if err := os.WriteFile(signers, []byte(who+" "+readFile(t, dir, "key.pub")), 0o600); err != nil {
		t.Fatal(err)
	}
	return key, signers
}

func keygen(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// runsUnderItsVersion registers the release with a real Vault.
func runsUnderItsVersion(t *testing.T, folder string) {
	t.Helper()
	plugins := t.TempDir()
	server := vaulttest.Start(t, vaulttest.Options{Bare: true, Plugin: filepath.Join(plugins, "none")})
	vault := t.TempDir()
	if err := os.Symlink(server.VaultPath(), filepath.Join(vault, "vault")); err != nil {
		t.Fatal(err)
	}
	if out, err := register(t, folder, "VAULT_ADDR="+server.Addr, "VAULT_TOKEN="+server.RootToken, "PATH="+vault+":"+os.Getenv("PATH")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := server.Client.Sys().Mount("apikeys", &api.MountInput{Type: "vault-plugin-secrets-apikeys"}); err != nil {
		t.Fatal(err)
	}
	info, err := server.Client.Logical().Read("apikeys/info")
	if err != nil {
		t.Fatal(err)
	}
	if info.Data["version"] != releaseVersion || info.Data["commit"] != releaseCommit {
		t.Errorf("it says that it is %v, %v", info.Data["version"], info.Data["commit"])
	}
	mounts, err := server.Client.Sys().ListMounts()
	if err != nil || mounts["apikeys/"].RunningVersion != releaseVersion {
		t.Errorf("Vault says that it runs %+v, %v", mounts["apikeys/"], err)
	}
}

func register(t *testing.T, folder string, settings ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("bash", filepath.Join(folder, "register"))
	cmd.Env = append(daemon.Environ("VAULT_"), settings...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if os.IsNotExist(err) {
		return // removed, and not committed yet
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, text, info.Mode())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func appendTo(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString("more\n")
		file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func filesIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
