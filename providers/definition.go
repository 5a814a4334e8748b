// Package providers holds provider definitions: the language they are written
// in, the built-in catalog, and the client that carries their requests out. It
// knows nothing of Vault.
package providers

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Definition describes one provider: its fields and the requests that issue,
// list and revoke its keys. It never changes after Parse and is safe for
// concurrent use.
type Definition struct {
	Name, Title, Docs string
	// VerifiedAgainst are the servers, with version, that keys were really made
	// and revoked at, such as "Gitea 1.26.0".
	VerifiedAgainst []string
	// BaseURL is empty where it is computed from connection fields, or where
	// each connection must name its own.
	BaseURL string
	// Connection and Role are the provider's fields in source order.
	Connection, Role Fields
	Capabilities     Capabilities
	KeyName          KeyName
	Expiry           Expiry
	Limits           Limits
	Networks         Networks

	source []byte
	base   *pathTemplate // nil when the connection must give the URL
	auth   []*authUse

	check  *call
	issue  *issueBlock
	revoke []*call
	list   *listBlock
	lookup *listBlock
	extend *extendBlock
	probe  *probeBlock
	rotate *rotateBlock
	errors errorsBlock

	// Lag is for how long the provider may not show or know a key that it has
	// made; DefaultLag where the definition does not say.
	Lag time.Duration

	needs needs
}

// DefaultLag is Definition.Lag where a definition states none.
const DefaultLag = time.Minute

// longestLag bounds what a definition can state: for so long a key whose mint had
// no answer stays in doubt.
const longestLag = 24 * time.Hour

// Limits are the provider's own bounds; zero means that it states none.
type Limits struct {
	// RequestsPerSecond is how often one connection may call.
	RequestsPerSecond float64 `json:"requests_per_second,omitempty"`
	// Keys is how many keys may exist at once.
	Keys int `json:"keys,omitempty"`
}

// Hash is the SHA-256 of the source in hex: two definitions with the same hash
// are the same.
func (d *Definition) Hash() string {
	sum := sha256.Sum256(d.source)
	return hex.EncodeToString(sum[:])
}

// Source is the HCL text as it was given to Parse.
func (d *Definition) Source() string { return string(d.source) }

// NeedsBaseURL says that each connection must name its own base_url.
func (d *Definition) NeedsBaseURL() bool { return d.base == nil }

// CredentialFields are the connection's fields that make up its admin credential:
// the sensitive ones, and all that signing in uses, such as a user's name.
func (d *Definition) CredentialFields() Fields {
	var exprs []hclsyntax.Expression
	for _, use := range d.auth {
		exprs = append(exprs, use.expressions()...)
	}
	used := mentionsOf("connection", exprs...)
	var credential Fields
	for _, field := range d.Connection {
		if field.Sensitive || used[field.Name] {
			credential = append(credential, field)
		}
	}
	return credential
}

// SecretFields are the names of what a key's reader gets, in source order, but the
// one first that is the key itself: by its value a leaked key is recognised.
func (d *Definition) SecretFields() []string {
	names := make([]string, len(d.issue.secret))
	for i, member := range d.issue.secret {
		names[i] = member.name
	}
	return names
}

// Scope is the place where keys with these parameters are listed: only the
// parameters that list and lookup mention are kept.
func (d *Definition) Scope(role, connection Values) Scope {
	return Scope{
		Role:       d.needs.scopeRole.pick(withDefaults(d.Role, role)),
		Connection: d.needs.scopeConnection.pick(withDefaults(d.Connection, connection)),
	}
}

// call is one request as the definition writes it.
type call struct {
	block string // "issue", "revoke", …: what errors are told under
	step  string // label of the step, empty where the block is one request
	at    hcl.Range

	method  string
	path    *pathTemplate
	query   hclsyntax.Expression
	headers hclsyntax.Expression
	format  bodyFormat
	body    hclsyntax.Expression
	// credential says what the request is authorized with; auth are the blocks
	// of its own.
	credential credential
	auth       []*authUse
	// reveals are what the answer may tell of a new credential: no error about
	// the answer holds their values.
	reveals []named

	longest   int64    // bound of the answer's body; 0 for maxBody
	stream    []string // where in a long answer the items are that are read one by one; nil for none
	text      bool     // the answer's body is text, not JSON
	needsBody bool     // an answer that cannot be read is a failure
	ok        hclsyntax.Expression
	anyStatus bool // what ok says counts for every status
	gone      hclsyntax.Expression
	// pagination is how a list goes on; nil where it has one page, or a next.
	pagination *pagination
	when       hclsyntax.Expression // of a step of issue, and of retire: without it no request is made
	save       []named
	poll       *pollBlock
	undo       *call
}

// credential is whose credential a request carries.
type credential int

const (
	// noCredential: none, as where the question is whether a key works.
	noCredential credential = iota
	// adminCredential: the connection's, by the auth blocks of the provider.
	adminCredential
	// ownCredential: what the auth blocks of the request itself say.
	ownCredential
)

// bodyFormat says how a request's body is written.
type bodyFormat string

const (
	noBody        bodyFormat = ""
	jsonBody      bodyFormat = "json"
	formBody      bodyFormat = "form"
	multipartBody bodyFormat = "multipart"
	rawBody       bodyFormat = "raw"
)

// issueBlock makes a key in one or several requests.
type issueBlock struct {
	at        hcl.Range
	candidate []named // values that we choose, such as a password
	calls     []*call
	save      []named
	id        hclsyntax.Expression // nil when only a look-up by name tells
	secret    []named
	grant     grant
}

// extendBlock moves the end of a key.
type extendBlock struct {
	*call
	grant grant
}

// listBlock finds keys: all of them page by page (list), or those of one name
// (lookup).
type listBlock struct {
	*call
	items hclsyntax.Expression
	item  []named
	next  hclsyntax.Expression
	pages []string // the attributes of page that the block mentions
}

// probeBlock asks whether a key works.
type probeBlock struct {
	*call
	alive, dead hclsyntax.Expression
}

// errorsBlock says how to read the provider's refusals.
type errorsBlock struct {
	message, refused, unauthorized, throttled hclsyntax.Expression
}

// authUse is one auth block.
type authUse struct {
	authBlock
	// request is what a kind with a request { … } sends; nil for the others.
	request *call
}

// pollBlock repeats a read until what a request started is done.
type pollBlock struct {
	*call
	until hclsyntax.Expression
	// failed says that what was started will never be done; nil where no answer tells.
	failed         hclsyntax.Expression
	every, timeout time.Duration
}
