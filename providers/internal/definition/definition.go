package definition

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

// Definition describes one provider: its fields and the requests that issue,
// list and revoke its keys. It never changes after Parse and is safe for
// concurrent use.
type Definition struct {
	// Name is the label of the provider block, Title what people call it (the name
	// where nobody says), and Docs the address of its documentation; empty for none.
	Name, Title, Docs string
	// VerifiedAgainst are the servers, with version, that keys were really made
	// and revoked at, such as "Gitea 1.26.0".
	VerifiedAgainst []string
	// Verified says in short what tests hold the definition to, and of when that is;
	// empty for one that is not of the catalog.
	Verified string
	// BaseURL is empty where it is computed from connection fields, or where
	// each connection must name its own.
	BaseURL string
	// Connection and Role are the provider's fields in source order.
	Connection, Role field.Fields
	// Capabilities follow from the blocks.
	Capabilities Capabilities
	// KeyName, Expiry, Limits and Networks are bounds of what is asked of the
	// provider: the blocks key_name, expiry and limits, and networks.
	KeyName  KeyName
	Expiry   Expiry
	Limits   Limits
	Networks Networks

	validations []*validation

	source []byte
	hash   string
	locals string        // the text of all locals
	base   *pathTemplate // nil when the connection must give the URL
	// Auth are the auth blocks of the provider, which send a connection's credential.
	Auth []*AuthUse

	// Shared is what all requests have in common; nil where nothing is said once.
	Shared *SharedRequest
	// Check is a read that only a working credential can do; nil for none.
	Check *Call
	// Issue makes a key, and Revoke ends it, in the order of its steps.
	Issue  *IssueBlock
	Revoke []*Call
	// ListFirst says that List, or Unnamed, is read before Revoke: a key that it does not
	// show is gone.
	ListFirst bool
	// List finds all keys page by page, and Lookup those of one name; nil for none.
	// Unnamed is in List's place where keys have no names: what it shows may be anybody's.
	List    *ListBlock
	Unnamed *ListBlock
	Lookup  *ListBlock
	// Extend moves a key's end at the provider, Probe asks whether one works, and Rotate
	// replaces the admin credential; nil for none.
	Extend *ExtendBlock
	Probe  *ProbeBlock
	Rotate *RotateBlock
	// Errors is how refusals are read; its expressions are nil where nothing is written.
	Errors errorsBlock

	// Lag is for how long the provider may not show or know a key that it has
	// made; DefaultLag where the definition does not say.
	Lag time.Duration

	// Required are the values that requests about a key that exists mention, which are
	// kept with it.
	Required requiredValues
	// ReadsHeaders says that an expression mentions an answer's headers.
	ReadsHeaders bool
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
func (d *Definition) Hash() string { return d.hash }

// HowVerified is what the definition is verified by, in short: of the catalog's with the day,
// of others the servers that they name; empty for nothing.
func (d *Definition) HowVerified() string {
	return cmp.Or(d.Verified, strings.Join(d.VerifiedAgainst, ", "))
}

func hashOf(source []byte) string {
	sum := sha256.Sum256(source)
	return hex.EncodeToString(sum[:])
}

// Source is the HCL text as it was given to Parse.
func (d *Definition) Source() string { return string(d.source) }

// Category is the field that the provider is at home in, such as "Crypto exchanges":
// what the definition's first comment says after "Category:"; empty where it says
// nothing.
func (d *Definition) Category() string {
	category, found := strings.CutPrefix(string(d.source), "# Category: ")
	if !found {
		return ""
	}
	category, _, _ = strings.Cut(category, "\n")
	return strings.TrimSpace(category)
}

// NeedsBaseURL says that each connection must name its own base_url.
func (d *Definition) NeedsBaseURL() bool { return d.base == nil }

// CredentialFields are the connection's fields that make up its admin credential:
// the sensitive ones, and all that signing in uses, such as a user's name.
func (d *Definition) CredentialFields() field.Fields {
	var exprs []hclsyntax.Expression
	for _, use := range d.Auth {
		exprs = append(exprs, use.expressions()...)
	}
	used := expr.ReferencesTo("connection", exprs...)
	var credential field.Fields
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
	names := make([]string, len(d.Issue.Secret))
	for i, member := range d.Issue.Secret {
		names[i] = member.Name
	}
	return names
}

// Scope is the location where keys with these parameters are listed: only the
// parameters that list and lookup mention are kept.
func (d *Definition) ListingScope(role, connection expr.Values) ListingScope {
	return ListingScope{
		Role:       d.Required.scopeRole.Pick(field.WithDefaults(d.Role, role)),
		Connection: d.Required.scopeConnection.Pick(field.WithDefaults(d.Connection, connection)),
	}
}

// Call is one request as the definition writes it.
type Call struct {
	Block string // "issue", "revoke", …: what errors are told under
	Step  string // label of the step, empty where the block is one request
	at    hcl.Range

	// Method is that of HTTP, and Path what follows the base URL.
	Method string
	Path   *pathTemplate
	// Query and Headers are objects whose null members are left out; nil for none.
	Query   hclsyntax.Expression
	Headers hclsyntax.Expression
	// Format is how Body is written; both are zero for a request without one.
	Format bodyFormat
	Body   hclsyntax.Expression
	// Shared is what the request has in common with all others, beside its own Query,
	// Headers and Body; nil where that is nothing.
	Shared *SharedRequest
	// Credential says what the request is authorized with; Auth are the auth blocks
	// of its own, and Given the connection fields that have other values in it.
	Credential credential
	Auth       []*AuthUse
	Given      []expr.Member
	// Reveals are what the answer may tell of a new credential: no error about
	// the answer holds their values.
	Reveals []expr.Member

	Longest   int64    // bound of the answer's body; 0 for maxBody
	Stream    []string // where in a long answer the items are that are read one by one; nil for none
	Text      bool     // the answer's body is text, not JSON
	NeedsBody bool     // an answer that cannot be read is a failure
	ForToken  bool     // the answer holds a token, with which other requests are signed
	// OK is the condition, or list of statuses, of a success; nil for every 2xx.
	OK        hclsyntax.Expression
	AnyStatus bool // what ok says counts for every status
	// Gone is the same for an answer by which the thing does not exist; nil where none
	// says so.
	Gone hclsyntax.Expression
	// Pagination is how a list goes on; nil where it has one page, or a next.
	Pagination *Pagination
	When       hclsyntax.Expression // of a step, and of retire: without it no request is made
	// ForEach are the elements for each of which the request is made, in order, with
	// each.key and each.value; nil where it is made once.
	ForEach hclsyntax.Expression
	// Save are the values that later requests mention as saved.*.
	Save []expr.Member
	// Looks says that the step ends nothing itself: where what it looks for is gone,
	// the steps after it are not made.
	Looks bool
	// Poll waits for what the request started, and Undo takes back what it made; nil
	// where there is nothing to.
	Poll *PollBlock
	Undo *Call
}

// credential is whose credential a request carries.
type credential int

const (
	// noCredential: none, as where the question is whether a key works.
	noCredential credential = iota
	// AdminCredential: the connection's, by the auth blocks of the provider.
	AdminCredential
	// OwnCredential: what the auth blocks of the request itself say.
	OwnCredential
	// GivenCredential: what the auth blocks of the provider make of the fields that the
	// request gives.
	GivenCredential
)

// SharedRequest is what a definition says once for all its requests.
type SharedRequest struct {
	// Method and Path are those of requests that name none; empty and nil where each does.
	Method string
	Path   *pathTemplate
	// Query, Headers and JSON are objects that those of each request are added to, by
	// name; nil for none. JSON is for requests that have a json of their own.
	Query, Headers, JSON hclsyntax.Expression
	// OK is the condition of a success where the request has none of its own; nil for every
	// 2xx.
	OK hclsyntax.Expression
}

// bodyFormat says how a request's body is written.
type bodyFormat string

const (
	// JSONBody is any value.
	JSONBody bodyFormat = "json"
	// FormBody is an object, as a form of a page sends it.
	FormBody bodyFormat = "form"
	// MultipartBody is an object, each of whose members is a part.
	MultipartBody bodyFormat = "multipart"
	rawBody       bodyFormat = "raw"
)

// IssueBlock makes a key in one or several requests.
type IssueBlock struct {
	at hcl.Range
	// InPlace says that the request replaces the one credential that there is, which
	// others use too: the one before ends with it.
	InPlace   bool
	Candidate []expr.Member // values that we choose, such as a password
	// Calls are the requests, in order; one that has no label is the only one.
	Calls []*Call
	// Save are values of the last answer that later requests mention as saved.*.
	Save []expr.Member
	ID   hclsyntax.Expression // nil when only a look-up by name tells
	// Secret are the fields for the reader; the first is the key itself.
	Secret []expr.Member
	// ActualExpiry is where the last answer tells the end of the key.
	ActualExpiry ActualExpiry
	// Granted is where it tells what the key may do, by role field.
	Granted []expr.Member
}

// ExtendBlock moves the end of a key in one or several requests.
type ExtendBlock struct {
	at hcl.Range
	// Calls are the requests, in order.
	Calls []*Call
	// Grant is where the last answer tells the new end.
	Grant ActualExpiry
}

// ListBlock finds keys: all of them page by page (list), or those of one name
// (lookup).
type ListBlock struct {
	*Call
	// Steps are requests that are made before each reading, such as for the parents
	// whose keys are listed each by itself. Each has a list of its own where Items is
	// set, which is read to its end.
	Steps []*ListBlock
	// Items is the list in an answer, and Item what is read of each of its elements.
	Items hclsyntax.Expression
	Item  []expr.Member
	// Skip is true of an element that is a key of the past, and counts as none; nil
	// where all count.
	Skip hclsyntax.Expression
	// Next are the page.* of the next request, null after the last page; nil where
	// Pagination says it, or there is one page.
	Next  hclsyntax.Expression
	Pages []string // the attributes of page that the block mentions
	// ByName says that it is a lookup: it finds the keys of one name, in one answer.
	ByName bool
	// Unnamed says that the keys of the list have no names.
	Unnamed bool
}

// ProbeBlock asks whether a key works.
type ProbeBlock struct {
	*Call
	// Alive and Dead are the conditions of an answer by which the key works, or does not;
	// nil where the status says it.
	Alive, Dead hclsyntax.Expression
}

// errorsBlock says how to read the provider's refusals.
type errorsBlock struct {
	Message, Refused, Unauthorized, Throttled hclsyntax.Expression
}

// AuthUse is one auth block.
type AuthUse struct {
	auth.Block
	// Request is what a kind with a request { … } sends; nil for the others.
	Request *Call
}

// PollBlock repeats a read until what a request started is done.
type PollBlock struct {
	*Call
	// Until is the condition of an answer by which it is done.
	Until hclsyntax.Expression
	// Failed says that what was started will never be done; nil where no answer tells.
	Failed hclsyntax.Expression
	// Every is the pause between two reads, and Timeout how long they go on.
	Every, Timeout time.Duration
}
