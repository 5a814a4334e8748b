package child_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/child"
)

// family is a program that starts another one, tells its id, and waits.
const family = `sleep 600 & echo $!; wait`

// TestMain makes this test binary, when asked to, a parent that can be killed.
func TestMain(m *testing.M) {
	if os.Getenv("CHILD_TEST_PARENT") == "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("sh", "-c", family)
	cmd.Stdout = os.Stdout
	if _, err := child.Start(cmd); err != nil {
		panic(err)
	}
	select {}
}

func TestEndTakesAllProcessesAlong(t *testing.T) {
	for name, end := range map[string]func(*child.Process){
		"kill": (*child.Process).Kill,
		"stop": func(p *child.Process) {
			if err := p.Stop(10 * time.Second); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("sh", "-c", family)
			grandchild, out := announced(t, cmd)
			after := false
			p, err := child.Start(cmd, func() { after = true })
			if err != nil {
				t.Fatal(err)
			}
			pid := grandchild()
			if !p.Running() || !alive(t, pid) {
				t.Fatal("it does not run")
			}
			end(p)
			out.Close()
			if p.Running() || !after {
				t.Errorf("running %t, called what is to be called after it %t", p.Running(), after)
			}
			awaitDeath(t, pid)
		})
	}
}

func TestStubbornProgramIsKilled(t *testing.T) {
	cmd := exec.Command("sh", "-c", `trap "" TERM; echo 0; while :; do sleep 0.1; done`)
	ready, _ := announced(t, cmd)
	p, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	ready()
	if err := p.Stop(200 * time.Millisecond); err == nil || p.Running() {
		t.Errorf("running %t after Stop, which said %v", p.Running(), err)
	}
}

func TestDeathOfTheParentTakesAllProcessesAlong(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "CHILD_TEST_PARENT=1")
	grandchild, _ := announced(t, parent)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := grandchild()
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitDeath(t, pid)
	parent.Wait()
}

// announced returns a function that reads the process id that cmd will print.
func announced(t *testing.T, cmd *exec.Cmd) (func() int, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	cmd.Stdout = w
	return func() int {
		t.Helper()
		line, err := bufio.NewReader(r).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}, w
}

// alive says whether the process runs; one that only waits to be collected,
// which ps shows as Z, does not.
func alive(t *testing.T, pid int) bool {
	t.Helper()
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("without ps it cannot be seen whether a process lives")
	}
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

func awaitDeath(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); alive(t, pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", pid)
		}
	}
}
