package main

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestNoSignalLeavesAKey: a process that is told to end while a key is made, by whatever
// signal asks for it, ends the key before itself.
func TestNoSignalLeavesAKey(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			var once sync.Once
			p := newTrying(t, func(p *trying, r *http.Request) {
				if r.Method == http.MethodPost {
					once.Do(func() { _ = p.command.Process.Signal(signal) })
				}
			})
			var said bytes.Buffer
			p.command.Stdout = &said
			p.start(t)
			_ = p.command.Wait() // whether it had seen enough is not the question
			p.leftNothing(t, &said)
		})
	}
}

// TestNobodyReadsOn: `apikeys try … | head -1` ends the key too.
func TestNobodyReadsOn(t *testing.T) {
	p := newTrying(t, nil)
	lines, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.start(t)
	if _, err := bufio.NewReader(lines).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_ = lines.Close()
	_ = p.command.Wait()
	p.leftNothing(t, &p.errors)
}

// trying is a process of the command that tries the sandbox's definition.
type trying struct {
	box     *sandbox.Server
	command *exec.Cmd
	errors  bytes.Buffer
	started chan struct{}
}

// newTrying calls before with each request that the process makes; nil for nothing.
func newTrying(t *testing.T, before func(*trying, *http.Request)) *trying {
	t.Helper()
	const adminKey = "sbxadmin_signalled_0123456789"
	p := &trying{box: sandbox.New(sandbox.Options{AdminKey: adminKey}), started: make(chan struct{})}
	t.Cleanup(p.box.Close)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil {
			<-p.started
			before(p, r)
		}
		p.box.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.command = exec.CommandContext(t.Context(), self, "try", "sandbox", "-c", "base_url="+web.URL, "-r", "scopes=read", "--patience", "30s")
	p.command.Env = append(os.Environ(), asItself+"=yes", "SANDBOX_ADMIN_KEY="+adminKey)
	p.command.Stderr = &p.errors
	return p
}

func (p *trying) start(t *testing.T) {
	t.Helper()
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	close(p.started)
}

func (p *trying) leftNothing(t *testing.T, said *bytes.Buffer) {
	t.Helper()
	if len(p.box.FullState().Keys) == 0 {
		t.Errorf("no key was made, so nothing was shown:\n%s\n%s", said, &p.errors)
	}
	if left := p.box.LiveKeys(); len(left) > 0 {
		t.Errorf("left behind: %v\n%s\n%s", left, said, &p.errors)
	}
}
