package child

import (
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// Process is a running program, with all the processes that it started.
type Process struct {
	leader int // id of the program
	group  int // id of its process group, which another process leads
	name   string
	exited chan struct{}
}

// Start starts the command in a process group of its own: the programs that it
// starts die with it, and a Ctrl-C at the terminal is left to us. When all of
// them are gone, whatever ended them, the functions in after are called.
func Start(cmd *exec.Cmd, after ...func()) (*Process, error) {
	watch, release, err := killWithUs()
	if err != nil {
		return nil, err
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Pgid = true, watch
	if err := cmd.Start(); err != nil {
		release()
		return nil, err
	}
	p := &Process{leader: cmd.Process.Pid, group: watch, name: cmd.Path, exited: make(chan struct{})}
	go func() {
		cmd.Wait()
		p.killGroup() // what the program leaves behind when it is killed
		release()
		for _, f := range after {
			f()
		}
		close(p.exited)
	}()
	return p, nil
}

// Running says whether the program lives; a nil Process does not.
func (p *Process) Running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Stop asks the program to end, as an operator would, and waits until it has.
// One that takes longer than the patience given is killed, which is an error.
func (p *Process) Stop(patience time.Duration) error {
	if !p.Running() {
		return nil
	}
	if err := syscall.Kill(p.leader, syscall.SIGTERM); err != nil && err != syscall.ESRCH {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
		p.Kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM and was killed", p.name, patience)
	}
}

// Kill is kill -9 for the program and all that it started. It returns when they
// are gone.
func (p *Process) Kill() {
	if p.Running() {
		p.killGroup()
		<-p.exited
	}
}

func (p *Process) killGroup() { syscall.Kill(-p.group, syscall.SIGKILL) }

// killWithUs starts a shell that kills its process group when this process dies:
// it waits for the end of a pipe that only we hold open. What joins the group is
// killed with it from its first moment on. release calls that off.
func killWithUs() (group int, release func(), err error) {
	watch := exec.Command("sh", "-c", `read -r _ || kill -KILL "-$$"`)
	watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	hold, err := watch.StdinPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := watch.Start(); err != nil {
		return 0, nil, err
	}
	return watch.Process.Pid, func() {
		fmt.Fprintln(hold, "gone")
		watch.Wait()
	}, nil
}
