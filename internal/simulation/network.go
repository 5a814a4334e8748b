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
		answer := p.answer(from, r, body)
		if answer == nil {
			return // without a word
		}
		if _, err := conn.Write(answer.bytes()); err != nil {
			p.unheard(answer)
			return
		}
	}
}

// answer is one HTTP answer.
type answer struct {
	status int
	header map[string]string
	body   []byte
}

func (a *answer) bytes() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	for name, value := range a.header {
		fmt.Fprintf(&out, "%s: %s\r\n", name, value)
	}
	fmt.Fprintf(&out, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(a.body))
	out.Write(a.body)
	return out.Bytes()
}
