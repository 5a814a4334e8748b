package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/child"
	"vault-plugin-secrets-apikeys/internal/testbed/vault"
)

// world is everything that runs for the demo.
type world struct {
	dir      string // removed at the end
	plugin   string // path of the plugin
	binary   string // path of Vault
	cluster  *vault.Cluster
	sandbox  *child.Process
	provider string // the sandbox's URL
	adminKey string
	control  string // the token that commands the sandbox's faults
}

// close ends all that runs and removes what was written.
func (w *world) close() error {
	if w.cluster != nil {
		w.cluster.Close()
	}
	if w.sandbox != nil {
		w.sandbox.Kill()
	}
	return os.RemoveAll(w.dir)
}

// buildPlugin compiles the plugin into build, where `make build` puts it too.
func (w *world) buildPlugin(ctx context.Context, s *stage) error {
	program := vault.PluginName
	if err := goBuild(ctx, s, "build/"+program, "./cmd/"+program); err != nil {
		return err
	}
	var err error
	if w.plugin, err = filepath.Abs(filepath.Join("build", program)); err != nil {
		return err
	}
	w.dir, err = os.MkdirTemp("", "apikeys-demo")
	return err
}

func goBuild(ctx context.Context, s *stage, to, what string) error {
	args := []string{"build", "-o", to, what}
	s.command("go " + strings.Join(args, " "))
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", what, err, out)
	}
	return nil
}

// faults are commands to break the provider with, and to see what comes of it.
func (w *world) faults() []string {
	fault := func(what, fault string) []string {
		return []string{"# " + what, "control $SANDBOX/faults -d '" + fault + "'"}
	}
	return slices.Concat(
		[]string{
			"export SANDBOX=" + w.provider + "/_sandbox",
			`control() { curl -sS -H "Authorization: Bearer ` + w.control + `" "$@"; }`,
			"",
		},
		fault("The next mint makes a key, but its answer is lost:",
			`{"kind": "commit_then_reset", "match": {"route": "POST /v1/keys"}}`),
		[]string{"vault read apikeys/creds/reader; control $SANDBOX/state"},
		fault("No revocation succeeds, until told otherwise:",
			`{"kind": "status", "status": 503, "count": 0, "match": {"method": "DELETE"}}`),
		[]string{
			"vault lease revoke -sync -prefix apikeys/creds/reader; vault list -detailed apikeys/queue",
			"# All is well again, and the queue ends what waits:",
			"control -X DELETE $SANDBOX/faults",
			"",
			"# go doc ./internal/sandbox.Kind lists the other faults.",
		},
	)
}

func (w *world) startVault(ctx context.Context) (err error) {
	w.cluster, err = vault.Start(ctx, vault.Options{
		Vault:    w.binary,
		Plugin:   w.plugin,
		Dir:      w.dir,
		Bare:     true,
		LogLevel: "info",
	})
	return err
}

// startSandbox builds the sandbox first, so that the process is the sandbox
// itself and not a `go run` around it.
func (w *world) startSandbox(ctx context.Context, s *stage) error {
	program := filepath.Join(w.dir, "sandbox")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/sandbox").CombinedOutput(); err != nil {
		return fmt.Errorf("building the sandbox: %w\n%s", err, out)
	}
	w.adminKey, w.control = "admin-"+rand.Text(), rand.Text()
	cmd := exec.Command(program, "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "SANDBOX_ADMIN_KEY="+w.adminKey, "SANDBOX_CONTROL_TOKEN="+w.control)
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, os.Stderr
	w.sandbox, err = child.Start(cmd)
	in.Close() // the sandbox has its own hold on it, so that its end is the end of the pipe
	if err != nil {
		return err
	}
	// It says "sandbox ready on URL" when it is.
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the sandbox did not start: %w", err)
	}
	words := strings.Fields(line)
	w.provider = words[len(words)-1]
	s.command("go run ./cmd/sandbox -listen " + strings.TrimPrefix(w.provider, "http://"))
	return nil
}

// answer is what a vault command printed.
type answer struct{ text string }

// field returns a value of the table that vault printed.
func (a answer) field(name string) string {
	for line := range strings.Lines(a.text) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name {
			return words[1]
		}
	}
	return ""
}

// vault tells a command and runs it.
func (w *world) vault(ctx context.Context, s *stage, args ...string) (answer, error) {
	s.command("vault " + shortened.ReplaceAllString(strings.Join(args, " "), "$1…"))
	return w.runVault(ctx, args...)
}

// shortened matches what is too long or too secret to be shown whole.
var shortened = regexp.MustCompile(`(-sha256=.{8}|admin_key=)\S+`)

func (w *world) runVault(ctx context.Context, args ...string) (answer, error) {
	cmd := exec.CommandContext(ctx, w.binary, args...)
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+w.cluster.Nodes[0].Addr, "VAULT_TOKEN="+w.cluster.RootToken, "VAULT_NAMESPACE=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return answer{}, fmt.Errorf("vault %s: %w\n%s", args[0], err, stderr.String())
	}
	return answer{stdout.String()}, nil
}

// awaitEnd waits until Vault knows the lease no more.
func (w *world) awaitEnd(ctx context.Context, lease string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := w.cluster.Client(w.cluster.RootToken)
	if err != nil {
		return err
	}
	for {
		if _, err := client.Sys().LookupWithContext(ctx, lease); err != nil && strings.Contains(err.Error(), "invalid lease") {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the lease has not ended within a minute")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// call tells a request to the provider with the key, makes it, and shows the
// answer, which must have the status wanted.
func (w *world) call(ctx context.Context, s *stage, path, key string, want int) error {
	s.command(fmt.Sprintf(`curl -H "Authorization: Bearer $api_key" %s%s`, w.provider, path))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.provider+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	s.show(fmt.Sprintf("%s  %s", resp.Status, body))
	if resp.StatusCode != want {
		return fmt.Errorf("the provider answered %s where %d was due", resp.Status, want)
	}
	return nil
}

// vaultVersion returns a version such as 1.21.0.
func vaultVersion(ctx context.Context, binary string) string {
	out, _ := exec.CommandContext(ctx, binary, "version").Output()
	if words := strings.Fields(string(out)); len(words) > 1 {
		return strings.Trim(words[1], "v,")
	}
	return ""
}

// onPath says whether typing vault runs this binary.
func onPath(binary string) bool {
	found, err := exec.LookPath("vault")
	return err == nil && found == binary
}
