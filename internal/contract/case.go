package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsimple"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Case says how a definition is held against a document: a file of test data
// beside the definition, so that a new provider needs no Go.
type Case struct {
	Title string `hcl:"title,label"`
	// Document is the document's file name.
	Document string `hcl:"document"`
	// Prefix is what stands before the document's paths. Without it, the path
	// of the document's first server.
	Prefix *string `hcl:"prefix"`
	// Connection and Role are the fields that an operator would write; base_url is
	// one of the connection's where the definition has none of its own.
	Connection cty.Value `hcl:"connection,optional"`
	Role       cty.Value `hcl:"role,optional"`
	// Secret is the place in the answer to the making of a key where the key
	// itself is: "key", "data.token", "tokens[0].value". The value there opens the doors that the
	// document says need a credential, until the key is deleted.
	Secret string `hcl:"secret"`
	// Fill names the component schema for a part of an answer which the
	// document leaves open: by operation, then by place ("result", "data[]").
	Fill map[string]map[string]string `hcl:"fill,optional"`
	// Beyond are operations that the document does not have, each with the
	// reason and source. They answer 200 {} to a credential that is alive.
	Beyond map[string]string `hcl:"beyond,optional"`
	// IgnoreParameters are parameters that the document demands and the
	// provider, as it is used here, does not: "header x-name".
	IgnoreParameters []string `hcl:"ignore_parameters,optional"`
	// IgnoreReadOnly lets requests send fields that the document marks as read
	// only, where it uses one schema both ways and the provider wants them.
	IgnoreReadOnly bool `hcl:"ignore_read_only,optional"`
	// Lacks are members of the list's items that the document does not have, so that
	// something else has to hold them: "last_used_at", "expires_at".
	Lacks []string `hcl:"lacks,optional"`
	// FirstPage is the number of the first page where the document does not say
	// that it is other than 1.
	FirstPage *int `hcl:"first_page"`
	// Logins are operations that take a credential in their body and answer a
	// token that stands for it, by the place of the token: "access_token".
	Logins map[string]string `hcl:"logins,optional"`
	// Aliases are properties of answers that show what another one has been sent or
	// answered as: "value" shows "key".
	Aliases map[string]string `hcl:"aliases,optional"`
	// Shows are properties of what is made that follow from the credential, with
	// their values: "username".
	Shows map[string]string `hcl:"shows,optional"`
	// Always are properties that every success answers alike: "code".
	Always map[string]string `hcl:"always,optional"`
	// Identifiers are the halves of credentials that are no secret, such as an
	// application's id, where the document counts them as credentials.
	Identifiers []string `hcl:"identifiers,optional"`
	// ChosenIDs are places in the bodies of requests at which the caller chooses
	// the id of what is made: "uid", "data.id".
	ChosenIDs []string `hcl:"chosen_ids,optional"`
	// MakesUnnamed are operations at a path that ends in a parameter which is not
	// the name of what they make: a kind, for one.
	MakesUnnamed []string `hcl:"makes_unnamed,optional"`
	// GoesWith are places in the bodies of operations at which they name the thing that
	// what they make is deleted with.
	GoesWith map[string]string `hcl:"goes_with,optional"`
	// Idempotent are deletions that succeed when there is nothing to delete.
	Idempotent []string `hcl:"idempotent,optional"`
	// Lists, Updates, Deletes and MakesNothing are operations that do not mean what
	// their method and the last word of their path say.
	Lists        []string `hcl:"lists,optional"`
	Updates      []string `hcl:"updates,optional"`
	Deletes      []string `hcl:"deletes,optional"`
	MakesNothing []string `hcl:"makes_nothing,optional"`
	// Kinds says under which last word of a path things were made that an operation's
	// own path calls otherwise: "DELETE /tokens/{id}" = "keys".
	Kinds map[string]string `hcl:"kinds,optional"`
	// TokenEndpoints are addresses beyond the document that answer an OAuth 2.0
	// token (RFC 6749, section 5.1) to a credential, in basic authentication or in
	// the body: "POST https://login.example.com/token", or "POST /token".
	TokenEndpoints []string `hcl:"token_endpoints,optional"`
	// Rotation says what the document leaves open of the administrator's credential,
	// so that it is replaced too; nil where it is not.
	Rotation *RotationCase `hcl:"rotation,block"`
}

// RotationCase has a second connection, whose credential is a thing that the server
// keeps, replaced as the definition says.
type RotationCase struct {
	// Credentials are those that are replaced, by the connection field that holds each.
	Credentials []*CredentialCase `hcl:"credential,block"`
	// Secrets are the places of the new credential in the answers of the operations
	// that make one, such as "POST /admin_keys" = "value", or that replace its value.
	Secrets map[string]string `hcl:"secrets,optional"`
	// WhoAmI are operations that answer the credential that is shown.
	WhoAmI []string `hcl:"whoami,optional"`
}

// CredentialCase is one credential as the server keeps it.
type CredentialCase struct {
	Field string `hcl:"field,label"`
	// Path is where it was made: "/v1/admin_keys".
	Path string `hcl:"path"`
	// ID is what paths name it by.
	ID string `hcl:"id"`
	// Shows are properties of answers about it.
	Shows cty.Value `hcl:"shows,optional"`
}

// secretPlace is where the answer to an operation has the secret of what it makes.
func (c *Case) secretPlace(operation string) string {
	if place, ok := c.rotationSecret(operation); ok {
		return place
	}
	return c.Secret
}

// rotationSecret is the place in the answer of an operation that makes or replaces an
// administrator's credential.
func (c *Case) rotationSecret(operation string) (place string, ok bool) {
	if c.Rotation == nil {
		return "", false
	}
	place, ok = c.Rotation.Secrets[operation]
	return place, ok
}

// ReadCases reads a definition's file of cases.
func ReadCases(path string) ([]*Case, error) {
	var file struct {
		Cases []*Case `hcl:"contract,block"`
	}
	if err := decodeFile(path, nil, &file); err != nil {
		return nil, err
	}
	if len(file.Cases) == 0 {
		return nil, fmt.Errorf("%s: write a block: contract \"title\" { document = … }", path)
	}
	return file.Cases, nil
}

// decodeFile reads a file, and tells all that is wrong with it at once.
func decodeFile(path string, context *hcl.EvalContext, file any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	err = hclsimple.Decode(path, text, context, file)
	var found hcl.Diagnostics
	if !errors.As(err, &found) {
		return err
	}
	var all []error
	for _, d := range found {
		all = append(all, d)
	}
	return errors.Join(all...)
}

// plain is what value would be after a way through JSON.
func plain(value cty.Value) (any, error) {
	text, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		return nil, err
	}
	return decodeJSON(text)
}

func decodeJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return value, nil
}

// Exception says why no case holds a part of a definition against its provider's
// document.
type Exception struct {
	Name string `hcl:"name,label"` // the definition's
	// Lacks is what is not held: Life or Rotation.
	Lacks  string `hcl:"lacks"`
	Reason string `hcl:"reason"`
}

// What of a definition cases hold against a document.
const (
	Life     = "life"
	Rotation = "rotation"
)

// ReadExceptions reads a file of exceptions.
func ReadExceptions(path string) ([]*Exception, error) {
	var file struct {
		Exceptions []*Exception `hcl:"exception,block"`
	}
	err := decodeFile(path, nil, &file)
	return file.Exceptions, err
}

// Published is a document as its provider has published it.
type Published struct {
	File string `hcl:"file,label"` // its name among the documents at hand
	// Source is the repository, the path there, and the commit's first digits.
	Source string `hcl:"source"`
	// Day is when that commit was made, or the revision that it holds: 2006-01-02.
	Day string `hcl:"day"`
}

// ReadPublished reads a file that says of documents what they are, by their file names.
func ReadPublished(path string) (map[string]*Published, error) {
	var file struct {
		Documents []*Published `hcl:"document,block"`
	}
	if err := decodeFile(path, nil, &file); err != nil {
		return nil, err
	}
	found := map[string]*Published{}
	for _, one := range file.Documents {
		found[one.File] = one
	}
	return found, nil
}
