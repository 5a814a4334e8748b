package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// TestCredentialIsAskedForAtATerminal: without a credential in the environment a person at
// a terminal is asked for it, which shows nothing of what is typed. Ctrl-C ends the
// question: nothing was asked of the provider, and the terminal shows again what is typed.
func TestCredentialIsAskedForAtATerminal(t *testing.T) {
	const adminKey = "sbxadmin_signalled_0123456789" // newTrying's
	for name, test := range map[string]struct {
		typed string
		fails bool
		says  string
	}{
		"typed":                   {adminKey + "\n", false, "nothing is left behind"},
		"interrupted at once":     {"\x03", true, "nothing was made"},
		"interrupted in the word": {"half-a-word\x03", true, "nothing was made"},
		"nothing":                 {"\n", true, "is required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			p := newTrying(t, func(*trying, *http.Request) { requests.Add(1) })
			p.command.Env = slices.DeleteFunc(p.command.Env, func(one string) bool { return strings.HasPrefix(one, "SANDBOX_ADMIN_KEY=") })
			screen := onTerminal(t, p)
			before := screen.state(t)
			p.start(t)
			screen.await(t, "the question", func() bool { return strings.Contains(screen.text(), "admin_key (not shown") })
			screen.await(t, "a terminal that shows nothing", func() bool { return !reflect.DeepEqual(screen.state(t), before) })
			if _, err := io.WriteString(screen.keyboard, test.typed); err != nil {
				t.Fatal(err)
			}
			if err := p.command.Wait(); (err != nil) != test.fails {
				t.Errorf("it ends with %v", err)
			}
			screen.await(t, "its last word", func() bool { return strings.Contains(screen.text(), test.says) })
			if after := screen.state(t); !reflect.DeepEqual(after, before) {
				t.Errorf("the terminal is left as %+v, and was %+v", after, before)
			}
			if typed := strings.Trim(test.typed, "\n\x03\x04"); typed != "" && strings.Contains(screen.text(), typed) {
				t.Errorf("it shows what was typed:\n%s", screen.text())
			}
			if asked := requests.Load(); test.fails == (asked > 0) {
				t.Errorf("the provider was asked %d times", asked)
			}
			if left := p.box.LiveKeys(); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// screen is a terminal that a process of its own session runs at, and what it shows.
type screen struct {
	keyboard, terminal *os.File

	mu    sync.Mutex
	shown bytes.Buffer
}

func onTerminal(t *testing.T, p *trying) *screen {
	t.Helper()
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{keyboard: keyboard, terminal: terminal}
	read := make(chan struct{})
	go func() {
		defer close(read)
		part := make([]byte, 4096)
		for {
			n, err := keyboard.Read(part)
			s.mu.Lock()
			s.shown.Write(part[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		terminal.Close()
		keyboard.Close()
		<-read
	})
	p.command.Stdin, p.command.Stdout, p.command.Stderr = terminal, terminal, terminal
	p.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // so that Ctrl-C is a signal
	return s
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

func (s *screen) state(t *testing.T) *term.State {
	t.Helper()
	state, err := term.GetState(int(s.terminal.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func (s *screen) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come:\n%s", what, s.text())
		}
	}
}
