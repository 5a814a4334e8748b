package build

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// every is how often a long build shows that it is alive.
const every = 15 * time.Second

// progress reads what `go build -v` says and tells a person now and then how
// far it is: thousands of lines become a few.
type progress struct {
	began time.Time
	done  chan struct{}

	mu         sync.Mutex
	line       []byte
	downloaded int
	compiled   int
	tail       []string // the last lines that tell of neither, which hold the reason when a build fails
}

func startProgress(log io.Writer, name string) *progress {
	p := &progress{began: time.Now(), done: make(chan struct{})}
	go func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(log, "  %s: %s\n", name, p.status())
			case <-p.done:
				return
			}
		}
	}()
	return p
}

func (p *progress) stop() { close(p.done) }

func (p *progress) status() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	elapsed := time.Since(p.began).Round(time.Second)
	switch {
	case p.compiled > 0:
		return fmt.Sprintf("%s, %d packages compiled", elapsed, p.compiled)
	case p.downloaded > 0:
		return fmt.Sprintf("%s, %d modules downloaded", elapsed, p.downloaded)
	}
	return elapsed.String()
}

// Write takes the build's output, in pieces of any size.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = append(p.line, text...)
	for {
		line, rest, whole := bytes.Cut(p.line, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		p.count(string(line))
		p.line = rest
	}
}

func (p *progress) count(line string) {
	const kept = 20
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		p.downloaded++
		return
	case !strings.ContainsAny(line, " \t"):
		p.compiled++ // the line is a package's path; others go on to be built after one that fails
		return
	}
	p.tail = append(p.tail, line)
	if len(p.tail) > kept {
		p.tail = p.tail[1:]
	}
}

func (p *progress) lastLines() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tail, "\n")
}
