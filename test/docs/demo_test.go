package docs

import (
	"bufio"
	"bytes"
	"context"

	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestDemo watches what README shows first: a key that is minted, used and dead.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs a Vault, which -short leaves out")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := runMake(ctx, t, "demo")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, shown := range []string{"Read a key", "200 OK", "Use the key once more", "401 Unauthorized", "The key lived as long as its lease"} {
		before, after, found := strings.Cut(string(out), shown)
		if !found {
			t.Fatalf("%q is not shown after\n%s", shown, tail(before))
		}
		out = []byte(after)
	}
}

// TestDev types what `make dev` prints into another terminal, as it stands: a key
// whose answer is lost, revocations that fail and wait, and the end of it.
func TestDev(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs a Vault, which -short leaves out")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	dev := startDev(ctx, t)
	printed := dev.printed()
	address := regexp.MustCompile(`export VAULT_ADDR=(\S+)`).FindStringSubmatch(printed)
	if address == nil {
		t.Fatalf("it does not say where Vault is:\n%s", printed)
	}

	said := dev.types(ctx, printed)
	for _, shown := range []string{
		`(?s)api_key +\S+.*Show one revocation that waits`,
		`no key was handed out: .*connection reset`,
		`"faults":\{"commit_then_reset":1\}`,
		`reader-root-\S+ +revoke `,
	} {
		if !regexp.MustCompile(shown).MatchString(said) {
			t.Errorf("%s does not come of it:\n%s", shown, tail(said))
		}
	}
	vaulttest.Eventually(t, 3*time.Minute, "the queue ends what waits", func() (bool, string) {
		left := dev.types(ctx, printed[:strings.Index(printed, "vault read")]+"vault list apikeys/queue; vault list apikeys/keys")
		return strings.Count(left, "No value found") == 2, tail(left)
	})

	dev.interrupt()
	if rest := dev.rest(); !strings.Contains(rest, "nothing is left running") {
		t.Errorf("it ends with %q", rest)
	}
	if answer, err := http.Get(address[1] + "/v1/sys/health"); err == nil {
		answer.Body.Close()
		t.Error("its Vault runs on")
	}
}

// dev is a `make dev` that runs.
type dev struct {
	t   *testing.T
	cmd *exec.Cmd
	out *bufio.Reader
}

func startDev(ctx context.Context, t *testing.T) *dev {
	t.Helper()
	d := &dev{t: t, cmd: runMake(ctx, t, "dev")}
	d.cmd.Cancel = func() error { return syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL) }
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	d.cmd.Stderr = &complaints
	d.out = bufio.NewReader(out)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.cmd.Cancel()
		d.cmd.Wait()
		if t.Failed() {
			t.Logf("make dev complained:\n%s", complaints.String())
		}
	})
	return d
}

// printed is what it has for another terminal, which is all that it prints with four
// spaces once it runs.
func (d *dev) printed() string {
	d.t.Helper()
	var all, commands strings.Builder
	runs := false
	for {
		line, err := d.out.ReadString('\n')
		all.WriteString(line)
		runs = runs || strings.HasPrefix(line, "It runs.")
		if command, indented := strings.CutPrefix(line, "    "); runs && indented {
			commands.WriteString(command)
		}
		if err != nil {
			d.t.Fatalf("it ended with %v:\n%s", err, tail(all.String()))
		}
		if strings.Contains(line, "Ctrl-C ends everything") {
			return commands.String()
		}
	}
}

// types types it, and returns what comes of it. That some of it fails is what the
// faults are for.
func (d *dev) types(ctx context.Context, commands string) string {
	d.t.Helper()
	shell := exec.CommandContext(ctx, "bash", "-c", "shopt -s expand_aliases\n"+commands)
	shell.Dir, shell.Env = d.cmd.Dir, daemon.Environ("VAULT_", "SANDBOX")
	out, _ := shell.CombinedOutput()
	return string(out)
}

// interrupt is Ctrl-C.
func (d *dev) interrupt() {
	d.t.Helper()
	if err := syscall.Kill(-d.cmd.Process.Pid, syscall.SIGINT); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dev) rest() string {
	d.t.Helper()
	var rest strings.Builder
	if _, err := d.out.WriteTo(&rest); err != nil {
		d.t.Fatal(err)
	}
	return rest.String()
}

// runMake is a target of the Makefile, in a copy of the sources and a process group of
// its own.
func runMake(ctx context.Context, t *testing.T, target string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, "make", target)
	cmd.Dir = sources(t)
	cmd.Env = append(daemon.Environ("VAULT_ADDR", "VAULT_TOKEN", "SANDBOX_"), "NO_COLOR=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}
