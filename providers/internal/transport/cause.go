package transport

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// callerGone describes the end of the caller's own time.
func callerGone(ctx context.Context, took time.Duration) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("the caller's time ran out, %s after the request began", round(took))
	}
	return "the caller gave up"
}

// attemptGone describes an attempt that was ended from this side.
func attemptGone(cause error, timeout time.Duration) string {
	if errors.Is(cause, errResend) {
		return "the connection broke after the request was sent"
	}
	return fmt.Sprintf("timeout after %s", round(timeout))
}

// explain says in words what ended an exchange. It builds upon the error's
// type and quotes only what is known to hold no address and no part of an
// answer; net/http's own texts hold both.
func explain(err error) string {
	if proxy := new(proxyRefusal); errors.As(err, &proxy) {
		return "the proxy answered status " + StatusText(proxy.status)
	}
	if via := new(net.OpError); errors.As(err, &via) && via.Op == "proxyconnect" {
		return "proxy: " + explain(via.Err)
	}
	for _, known := range []func(error) string{explainBody, explainTLS, explainDial, explainBreak} {
		if words := known(err); words != "" {
			return words
		}
	}
	return "the connection failed"
}

func explainBody(err error) string {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return fmt.Sprintf("the answer is larger than %d MiB", large.Limit>>20)
	case errors.Is(err, errNotGzip):
		return errNotGzip.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer is incomplete"
	default:
		return ""
	}
}

func explainTLS(err error) string {
	if refused := tlsAlert(err); refused != nil {
		return "TLS: the server refused: " + strings.TrimPrefix(refused.Error(), "tls: ")
	}
	if unverified := new(tls.CertificateVerificationError); errors.As(err, &unverified) {
		return "TLS: " + unverified.Err.Error()
	}
	for _, cause := range []error{
		as[x509.UnknownAuthorityError](err), as[x509.CertificateInvalidError](err), as[x509.HostnameError](err),
	} {
		if cause != nil {
			return "TLS: " + cause.Error()
		}
	}
	if as[tls.RecordHeaderError](err) != nil || errors.Is(err, http.ErrSchemeMismatch) {
		return "TLS: the server does not speak TLS"
	}
	if strings.HasPrefix(err.Error(), "tls: ") {
		return "TLS: " + strings.TrimPrefix(err.Error(), "tls: ")
	}
	if strings.HasSuffix(err.Error(), "TLS handshake timeout") {
		return "TLS: handshake timeout"
	}
	return ""
}

func explainDial(err error) string {
	if name := new(net.DNSError); errors.As(err, &name) {
		if name.IsTimeout {
			return fmt.Sprintf("looking up the host %s timed out", name.Name)
		}
		return fmt.Sprintf("the host %s cannot be resolved: %s", name.Name, name.Err)
	}
	dial := new(net.OpError)
	if !errors.As(err, &dial) || dial.Op != "dial" {
		return ""
	}
	where := ""
	if dial.Addr != nil {
		where = " to " + dial.Addr.String()
	}
	var cause syscall.Errno
	switch {
	case dial.Timeout():
		return fmt.Sprintf("connecting%s: timeout after %s", where, dialTimeout)
	case errors.As(err, &cause):
		return fmt.Sprintf("connecting%s: %s", where, cause.Error())
	default:
		return fmt.Sprintf("connecting%s failed", where)
	}
}

func explainBreak(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), strings.HasSuffix(err.Error(), "server closed idle connection"):
		return "the connection was closed before the answer"
	case strings.Contains(err.Error(), "malformed"):
		return "the answer is not valid HTTP"
	case isTimeout(err):
		return "the connection timed out"
	default:
		return ""
	}
}

// as is err's first cause of type E, or nil.
func as[E error](err error) error {
	if found, ok := errors.AsType[E](err); ok {
		return found
	}
	return nil
}

// isTimeout reports whether err is about time.
func isTimeout(err error) bool {
	var timed interface{ Timeout() bool }
	return errors.As(err, &timed) && timed.Timeout()
}

// lasting reports whether err would come again at the next attempt: what a
// certificate or an answer's size was wrong with stays wrong.
func lasting(err error) bool {
	var proxy *proxyRefusal
	return strings.HasPrefix(explainTLS(err), "TLS: ") && !isTimeout(err) || unusable(err) || errors.As(err, &proxy)
}

// unusable reports whether err is about an answer's content, not the connection.
func unusable(err error) bool { return isTooLarge(err) || errors.Is(err, errNotGzip) }

func isTooLarge(err error) bool {
	var large *http.MaxBytesError
	return errors.As(err, &large)
}

// gzipError turns what is wrong with the packing into errNotGzip, and leaves
// what is wrong with the connection.
func gzipError(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return errNotGzip
	}
	return err
}

// clientRefusals are the alerts by which a server refuses the client's
// certificate, or its lack.
var clientRefusals = []tls.AlertError{
	42,  // bad_certificate
	43,  // unsupported_certificate
	44,  // certificate_revoked
	45,  // certificate_expired
	46,  // certificate_unknown
	48,  // unknown_ca
	49,  // access_denied
	116, // certificate_required
}

// refusedByTLS reports whether the server refused the client's certificate in
// the handshake of this attempt's connection. In TLS 1.3 the client learns of it
// only after it sent the request, but the server never reads that.
func refusedByTLS(err error, steps *requestTrace) bool {
	alert := tlsAlert(err)
	if alert == nil || !steps.firstOnConnection() {
		return false
	}
	for _, refusal := range clientRefusals {
		if alert.Error() == refusal.Error() {
			return true
		}
	}
	return false
}

// tlsAlert is the alert that the server sent, or nil. The type of crypto/tls for
// it is not exported; its text is that of tls.AlertError.
func tlsAlert(err error) error {
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" {
		return remote.Err
	}
	return nil
}

// proxyRefusal is a proxy's refusal to connect.
type proxyRefusal struct{ status int }

func (p *proxyRefusal) Error() string { return "the proxy answered status " + strconv.Itoa(p.status) }

// StatusText is a status with its name, as in "404 (Not Found)".
func StatusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return strconv.Itoa(status) + " (" + text + ")"
	}
	return strconv.Itoa(status)
}

// round drops what a reader does not need.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
