package daemon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/child"
)

// patience bounds the wait for a server: an idle machine needs a few seconds, one
// that starts ten others at once some minutes.
const patience = 4 * time.Minute

// Daemon is a running server program.
type Daemon struct {
	process *child.Process
	log     string
}

// Start starts the program and waits until ready returns nil. What the program
// says goes to the end of the log file. When Start fails, nothing is left
// running, and the error holds the log.
func Start(ctx context.Context, cmd *exec.Cmd, log string, ready func(context.Context) error) (*Daemon, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	d := &Daemon{log: log}
	if d.process, err = child.Start(cmd); err != nil {
		return nil, err
	}
	if err := d.await(ctx, ready); err != nil {
		d.Close()
		return nil, fmt.Errorf("%s: %w; its log:\n%s", cmd.Path, err, d.Log())
	}
	return d, nil
}

func (d *Daemon) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ready(ctx)
		if !d.process.Running() { // whoever else may answer at its address
			return errors.New("it ended at once")
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not serve: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Close kills the program and all that it started; a nil Daemon has none.
func (d *Daemon) Close() {
	if d != nil {
		d.process.Kill()
	}
}

// Log returns all that the program said.
func (d *Daemon) Log() string {
	text, _ := os.ReadFile(d.log)
	return string(text)
}

// Answers is ready once the address answers 200.
func Answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New("it answers " + resp.Status)
		}
		return nil
	}
}

// Listens is ready once the address, host:port, takes connections.
func Listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// Environ is the caller's environment without the settings that begin with one
// of the prefixes: those for the server itself, which would lead it astray.
func Environ(dropped ...string) []string {
	return slices.DeleteFunc(os.Environ(), func(setting string) bool {
		return slices.ContainsFunc(dropped, func(prefix string) bool { return strings.HasPrefix(setting, prefix) })
	})
}

// Ports of servers: below those that systems give to outgoing connections and to
// listeners that ask for any, so that nobody takes one between its choice and
// its server's start.
const firstPort, endPort = 10000, 32768

// FreeAddresses returns so many loopback addresses, host:port, that nobody
// listens on. No address is returned twice.
func FreeAddresses(count int) ([]string, error) {
	given.Lock()
	defer given.Unlock()
	var free []string
	for tries := 0; len(free) < count; tries++ {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(endPort-firstPort)))
		if given.addresses[address] {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil && tries < 1000 {
			continue
		} else if err != nil {
			return nil, err
		}
		listener.Close()
		given.addresses[address] = true
		free = append(free, address)
	}
	return free, nil
}

var given = struct {
	sync.Mutex
	addresses map[string]bool
}{addresses: map[string]bool{}}

// Port is that of an address.
func Port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
