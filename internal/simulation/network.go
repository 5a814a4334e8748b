package simulation

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

var errNoRoute = errors.New("connection refused")

// dial opens a connection from a node to a provider: a pipe, since nothing real
// may be waited for in virtual time.
func (n *node) dial(_ context.Context, _, address string) (net.Conn, error) {
	p := n.cluster.world.providers[address]
	if p == nil || n.isDead() || p.is(weatherDown) {
		return nil, errNoRoute
	}
	near, far := net.Pipe()
	n.track(far)
	go func() {
		defer n.untrack(far)
		defer far.Close()
		p.converse(n, far)
	}()
	return near, nil
}

// converse answers one connection's requests until either end has enough.
func (p *provider) converse(from *node, conn net.Conn) {
	reader := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		answer := p.serve(from, r, body)
		if answer == nil {
			return // without a word
		}
		text := answer.bytes()
		if answer.cut {
			text = text[:len(text)-len(answer.body)/2-1]
		}
		if _, err := conn.Write(text); err != nil {
			p.unheard(answer)
			return
		}
		if answer.cut {
			return
		}
	}
}

// answer is one HTTP answer.
type answer struct {
	status int
	header map[string]string
	body   []byte
	cut    bool // only a part of it arrives
	// made is the key that it is about, if it made one.
	made *key
	// meant is what it says in the world's own words; nil where those are its own.
	meant *answer
}

func (a *answer) bytes() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	for _, name := range sortedNames(a.header) {
		fmt.Fprintf(&out, "%s: %s\r\n", name, a.header[name])
	}
	fmt.Fprintf(&out, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(a.body))
	out.Write(a.body)
	return out.Bytes()
}
