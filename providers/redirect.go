package providers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
)

// redirectStatuses send a request elsewhere instead of carrying it out.
var redirectStatuses = []int{
	http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
	http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
}

// movedTo is where the answer sends the request, or nil where it does not. A 302 or 303
// to something below what was asked for, or elsewhere at the same host, may be how a
// request is answered that was carried out, as with the page of a key just made or with
// the list that it is in: that is no such answer, unless the host serves the same request
// under another path.
func (got *evaluated) movedTo() *url.URL {
	if !slices.Contains(redirectStatuses, got.status) || got.asked == nil {
		return nil
	}
	to, err := got.asked.Parse(got.header.Get("Location"))
	if err != nil || got.header.Get("Location") == "" || to.Host == "" {
		return nil
	}
	below := strings.HasPrefix(to.Path, strings.TrimSuffix(got.asked.Path, "/")+"/") && len(to.Path) > len(got.asked.Path)+1
	atHome := to.Scheme == got.asked.Scheme && strings.EqualFold(to.Host, got.asked.Host)
	prefix, same := got.otherBase(to)
	within := below || atHome && (!same || prefix == strings.TrimSuffix(got.base.Path, "/"))
	if within && (got.status == http.StatusFound || got.status == http.StatusSeeOther) {
		return nil
	}
	return to
}

// otherBase is the path under which an address has what was asked for; false where it has
// something else.
func (got *evaluated) otherBase(to *url.URL) (prefix string, same bool) {
	path, ok := strings.CutPrefix(got.asked.Path, strings.TrimSuffix(got.base.Path, "/"))
	if !ok {
		return "", false
	}
	prefix, ok = strings.CutSuffix(to.Path, path)
	return strings.TrimSuffix(prefix, "/"), ok && (prefix == "" || strings.HasPrefix(prefix, "/"))
}

// moved is the error of a request that was sent elsewhere: nothing was done.
// Nothing is sent there by itself, since the connection's credential would go
// along. It tells what to write, and no more of the address.
func (c *Client) moved(block *definition.Call, got *evaluated) *Error {
	to := got.movedTo()
	target := &url.URL{Scheme: to.Scheme, Host: to.Host}
	advice := "the provider sends this request to " + target.String() + ", which is not followed; correct base_url"
	if prefix, same := got.otherBase(to); same {
		target.Path = prefix
		advice = "the provider has moved to " + target.String() + ": write that as base_url"
	}
	kind := Refused
	if block.ForToken {
		kind = Unreachable // of the request that needs the token, which was not sent
	}
	e := &Error{Op: block.Block, Kind: kind, Status: got.status, Message: advice}
	return c.stepError(block, e, got.scope)
}
