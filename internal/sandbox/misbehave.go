package sandbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// behaviour is how a kind of fault treats a request.
type behaviour struct {
	commits bool
	respond func(*exchange)
}

// exchange is a request under a fault; answer is empty unless it was carried out.
type exchange struct {
	*call
	s      *Server
	w      http.ResponseWriter
	ctx    context.Context
	answer answer
}

var kinds map[Kind]behaviour

func init() { // the behaviours reach the map again, through perform
	kinds = map[Kind]behaviour{
		Hang:            {false, (*exchange).hang},
		Reset:           {false, (*exchange).reset},
		Status:          {false, (*exchange).status},
		RateLimit:       {false, (*exchange).rateLimit},
		Unauthorized:    {false, (*exchange).unauthorized},
		Redirect:        {false, (*exchange).redirect},
		OKWithErrorBody: {false, (*exchange).okWithErrorBody},

		CommitThenHang:  {true, (*exchange).hang},
		CommitThenReset: {true, (*exchange).reset},
		CommitThen500:   {true, (*exchange).status},
		MalformedJSON:   {true, (*exchange).malformedJSON},
		WrongTypes:      {true, (*exchange).wrongTypes},
		TruncatedBody:   {true, (*exchange).truncatedBody},
		HugeBody:        {true, (*exchange).hugeBody},
		BodyAfter204:    {true, (*exchange).bodyAfter204},
		SlowDrip:        {true, (*exchange).slowDrip},
		LateCommit:      {true, (*exchange).unharmed},
		Delay:           {true, (*exchange).unharmed},
		Pass:            {true, (*exchange).unharmed},
		StaleList:       {true, (*exchange).unharmed},
		LateRevoke:      {true, (*exchange).unharmed},
		CapExpiry:       {true, (*exchange).unharmed},
		ForbiddenOnGone: {true, (*exchange).unharmed},
	}
}

func (e *exchange) unharmed() { e.answer.send(e.w) }

func (e *exchange) hang() {
	e.s.wait(e.ctx, e.call, 0)
	panic(http.ErrAbortHandler)
}

// reset closes the connection so that the client sees a reset, not an end.
func (e *exchange) reset() {
	conn, _, err := http.NewResponseController(e.w).Hijack()
	if err != nil { // HTTP/2 cannot be hijacked; there, aborting resets the stream
		panic(http.ErrAbortHandler)
	}
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if plain, ok := conn.(*net.TCPConn); ok {
		_ = plain.SetLinger(0) // what was not sent is dropped, and the end is an RST
	}
	_ = conn.Close()
}

func (e *exchange) status() {
	status := cmp.Or(e.fault.Status, http.StatusInternalServerError)
	a := failure(status, "something went wrong")
	if e.fault.Body != "" {
		a.body = []byte(e.fault.Body)
	}
	a.header = http.Header{}
	for name, value := range e.fault.Headers {
		a.header.Set(name, value)
	}
	a.send(e.w)
}

func (e *exchange) rateLimit() {
	seconds := cmp.Or(e.fault.RetryAfter, 1)
	after := strconv.Itoa(seconds)
	if e.fault.AsDate {
		after = e.s.now().Add(time.Duration(seconds) * time.Second).UTC().Format(http.TimeFormat)
	}
	a := failure(http.StatusTooManyRequests, "slow down")
	a.header = http.Header{"Retry-After": {after}}
	a.send(e.w)
}

func (e *exchange) unauthorized() {
	failure(http.StatusUnauthorized, "this key is not valid").send(e.w)
}

func (e *exchange) redirect() {
	location := cmp.Or(e.fault.Location, "http://elsewhere.invalid"+e.r.URL.RequestURI())
	answer{
		status: cmp.Or(e.fault.Status, http.StatusTemporaryRedirect),
		header: http.Header{"Location": {location}},
	}.send(e.w)
}

func (e *exchange) okWithErrorBody() {
	a := failure(http.StatusInternalServerError, "something went wrong")
	a.status = http.StatusOK
	a.send(e.w)
}

func (e *exchange) malformedJSON() {
	a := e.answer
	a.status = a.statusWithBody()
	a.body = append([]byte("{"), a.body[min(1, len(a.body)):len(a.body)/2]...)
	a.send(e.w)
}

func (e *exchange) wrongTypes() { e.answer.retyped().send(e.w) }

// truncatedBody announces the whole body and sends half of it.
func (e *exchange) truncatedBody() {
	a := e.answer.withBody()
	e.w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	a.sendHeader(e.w)
	_, _ = e.w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(e.w).Flush()
	panic(http.ErrAbortHandler)
}

// bodyAfter204 sends what a client takes for the beginning of the next answer.
func (e *exchange) bodyAfter204() {
	conn, _, err := http.NewResponseController(e.w).Hijack()
	if err != nil { // HTTP/2 keeps the body of one answer out of the next
		answer{status: http.StatusNoContent}.send(e.w)
		return
	}
	_, _ = conn.Write(append([]byte("HTTP/1.1 204 No Content\r\n\r\n"), e.answer.withBody().body...))
	_ = conn.Close()
}

// hugeBody pads the answer in front, so that a reader must take in the padding
// before it comes to what matters.
func (e *exchange) hugeBody() {
	a := e.answer.withBody()
	a.sendHeader(e.w)
	_, _ = e.w.Write([]byte(`{"padding":"`))
	chunk := []byte(strings.Repeat("x", 64<<10))
	for left := cmp.Or(e.fault.Bytes, 50<<20); left > 0; left -= len(chunk) {
		if _, err := e.w.Write(chunk[:min(left, len(chunk))]); err != nil {
			return
		}
	}
	rest := `"`
	if len(a.body) > len("{}") {
		rest = `",`
	}
	_, _ = e.w.Write(append([]byte(rest), a.body[1:]...))
}

// slowDrip sends byte by byte, and the rest at once when faults are cleared.
func (e *exchange) slowDrip() {
	a := e.answer.withBody()
	e.w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	a.sendHeader(e.w)
	interval := cmp.Or(time.Duration(e.fault.Interval), time.Second)
	for i := range a.body {
		_, _ = e.w.Write(a.body[i : i+1])
		_ = http.NewResponseController(e.w).Flush()
		switch e.s.wait(e.ctx, e.call, interval) {
		case released:
			_, _ = e.w.Write(a.body[i+1:])
			return
		case given:
			panic(http.ErrAbortHandler)
		}
	}
}

// withBody is the answer with an empty object where it had no body.
func (a answer) withBody() answer {
	if len(a.body) == 0 {
		a.status, a.body = a.statusWithBody(), []byte("{}")
	}
	return a
}
