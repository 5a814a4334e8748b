package providers

import (
	"github.com/hashicorp/hcl/v2"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// Capabilities say what the engine can do with a provider. They follow from
// the definition's blocks and are never declared.
type Capabilities = definition.Capabilities

// Definition describes one provider: its fields and the requests that issue,
// list and revoke its keys. It never changes after Parse and is safe for
// concurrent use.
type Definition = definition.Definition

// Limits are the provider's own bounds; zero means that it states none.
type Limits = definition.Limits

// Expiry is the grid on which the provider's own expiry lies. Zero values mean
// that there is no such bound; the finest step is a second.
type Expiry = definition.Expiry

// KeyName says which names the provider accepts for a key.
type KeyName = definition.KeyName

// ListingScope is one location at the provider whose keys can be listed: the role and
// connection parameters that the definition's list and lookup mention (a
// project, a service account, …). The zero value stands for the whole account.
type ListingScope = definition.ListingScope

// Networks say which networks the provider can bind a key to (KeyRequest.CIDRs). The
// zero value has no bound.
type Networks = definition.Networks

// Request is one request that a definition makes, as it is written there: its
// expressions are source text, so it holds no credential.
type Request = definition.Request

// Field is one parameter of a connection or role.
type Field = field.Field

// Fields are the parameters of a connection or role, in source order.
type Fields = field.Fields

// Values are the fields of a connection or role, or what an answer gave, by
// name. They hold what JSON can hold: nil, bool, json.Number or string, []any
// and map[string]any, so that they survive storage unchanged.
type Values = expr.Values

// Kind says what a failed call tells about the provider's state.
type Kind = transport.Kind

// DefaultLag is Definition.Lag where a definition states none.
const DefaultLag = definition.DefaultLag

// LongestDefinition bounds a definition, in bytes; the longest real one is a
// few kilobytes.
const LongestDefinition = definition.LongestDefinition

const (
	// Unknown: the request was sent and no answer that can be understood came
	// back; it may or may not have taken effect.
	Unknown = transport.Unknown
	// Refused: the provider answered no; nothing was created or changed.
	Refused = transport.Refused
	// Unauthorized: the provider refused the connection's credential; nothing
	// was created or changed.
	Unauthorized = transport.Unauthorized
	// Throttled: the provider asked to come back later, by HTTP 429 or in the way
	// that the definition knows; nothing was created or changed.
	Throttled = transport.Throttled
	// Unreachable: the request never left: name look-up, connecting or TLS
	// failed, the rate limit had no room in time, or the breaker is open.
	Unreachable = transport.Unreachable
)

// SameURL reports whether two texts are one URL, user name and password aside.
func SameURL(a, b string) bool { return definition.SameURL(a, b) }

// Diagnostics are the mistakes that Parse found in a definition, each with its
// location, in HCL's own form; nil for an error that is not about a definition's
// text as such. Unlike the error's text they are never cut short.
func Diagnostics(err error) hcl.Diagnostics { return definition.Diagnostics(err) }

// Mistakes is the text of an error that Parse answers with every mistake in it, where
// the error's own is cut short.
func Mistakes(err error) string { return definition.Mistakes(err) }

// Parse reads and checks one definition. Every mistake that can be found
// without calling the provider is found here; the error text shows each with
// file, line and a caret under the location.
func Parse(filename string, src []byte) (d *Definition, err error) {
	return definition.Parse(filename, src)
}

// Exact is a JSON value in which every number that a float64 would not hold
// exactly has become a text: so it goes unharmed through what decodes JSON into
// float64, as Vault does with what a plugin answers.
func Exact(value any) any { return expr.Exact(value) }

// Nearest is the candidate that name was most likely meant to be, or "": one that differs
// by a letter, or by two in a name of more than five, letters that are swapped
// counting once, or that the other begins with.
func Nearest(name string, candidates []string) string { return suggest.Nearest(name, candidates) }
