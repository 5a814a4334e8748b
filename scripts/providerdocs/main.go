// Providerdocs writes docs/providers: a page for each definition of the catalog, and one
// that lists them. It also writes what the engine says of how each is verified. All of it
// comes from the definitions and from what they are tested by.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

const (
	folder   = "docs/providers"
	testdata = "providers/testdata"
	verified = "providers/verified.json"
)

func main() {
	if err := writeAll(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeAll replaces what is in the folder, and what is said of how each is verified.
func writeAll() error {
	files, err := written(testdata)
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o755)); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

//go:embed provider.md.tmpl
var providerPage string

//go:embed index.md.tmpl
var indexPage string

var templates = func() *template.Template {
	t := template.New("").Funcs(template.FuncMap{
		"fields":            describeFields,
		"endsByChoice":      endsByChoice,
		"abilities":         abilities,
		"connectionExample": connectionExample,
		"roleExample":       roleExample,
		"ttlExample":        ttlExample,
	})
	template.Must(t.New("provider").Parse(providerPage))
	template.Must(t.New("index").Parse(indexPage))
	return t
}()

// page is what is written about one provider.
type page struct {
	*providers.Definition
	Notes    notes
	Evidence *evidence
}

// category is a field in which providers are at home.
type category struct {
	Title string
	Pages []page
}

// Anchor is what a link to the category's heading says.
func (c category) Anchor() string {
	return strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(c.Title, ",", "")), " ", "-")
}

// Names are the titles of its providers.
func (c category) Names() string {
	var names []string
	for _, page := range c.Pages {
		names = append(names, page.Title)
	}
	return strings.Join(names, ", ")
}

// catalog is what the page says that lists all providers: how many there are, and how many
// of them can do what.
type catalog struct {
	Count, Ends, Bound, Rotate, Real int

	Categories []category
}

func (c *catalog) add(d *providers.Definition) {
	count := func(one bool, number *int) {
		if one {
			*number++
		}
	}
	count(true, &c.Count)
	count(d.Capabilities.NativeExpiry, &c.Ends)
	count(d.Capabilities.IPBinding, &c.Bound)
	count(d.Capabilities.RotateRoot, &c.Rotate)
	count(len(d.VerifiedAgainst) > 0, &c.Real)
}

// written are all files by their names. testdata is the folder of the catalog's test data.
func written(testdata string) (map[string][]byte, error) {
	made := map[string][]byte{}
	var index catalog
	grouped, short := map[string][]page{}, map[string]string{}
	for _, name := range providers.BuiltIn() {
		definition, err := providers.Load(name)
		if err != nil {
			return nil, err
		}
		evidence, err := evidenceOf(definition, testdata)
		if err != nil {
			return nil, err
		}
		one := page{definition, notesOf(definition.Source()), evidence}
		field := definition.Category()
		if field == "" {
			return nil, fmt.Errorf("%s.hcl begins with no comment that names its category: # Category: …", name)
		}
		if made[folder+"/"+name+".md"], err = render("provider", one); err != nil {
			return nil, err
		}
		short[name] = evidence.Short
		grouped[field] = append(grouped[field], one)
		index.add(definition)
	}
	for _, title := range slices.Sorted(maps.Keys(grouped)) {
		index.Categories = append(index.Categories, category{title, grouped[title]})
	}
	var err error
	if made[folder+"/README.md"], err = render("index", index); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(short, "", "  ")
	made[verified] = append(text, '\n')
	return made, err
}

func render(page string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, page, data); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// fieldRow is one line of a table of fields.
type fieldRow struct{ Name, Type, Meaning string }

func describeFields(fields providers.Fields) []fieldRow {
	var rows []fieldRow
	for _, field := range fields {
		rows = append(rows, fieldRow{field.Name, field.TypeName(), cell(meaning(field))})
	}
	return rows
}

// meaning is the field's help and what its values must be.
func meaning(field *providers.Field) string {
	parts := []string{field.Help}
	if field.Required {
		parts = append(parts, "Required.")
	}
	if field.Sensitive {
		parts = append(parts, "Never shown again.")
	}
	if field.BindsAddresses {
		parts = append(parts, "A key with any is not tried from Vault's own address.")
	}
	if field.Default != nil {
		parts = append(parts, "Default: "+code(field.Default)+".")
	}
	if len(field.Enum) > 0 {
		var choices []string
		for _, choice := range field.Enum {
			choices = append(choices, code(choice))
		}
		parts = append(parts, "One of "+strings.Join(choices, ", ")+".")
	}
	if field.Min != nil {
		parts = append(parts, "At least "+code(*field.Min)+".")
	}
	if field.Max != nil {
		parts = append(parts, "At most "+code(*field.Max)+".")
	}
	if field.Pattern != "" {
		parts = append(parts, "Must match `"+field.Pattern+"`.")
	}
	return strings.Join(parts, " ")
}

// code is a value as one writes it, in a code span.
func code(value any) string {
	if text, ok := value.(string); ok && text != "" {
		return "`" + text + "`"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "?"
	}
	return "`" + strings.TrimSpace(b.String()) + "`"
}

// cell keeps a text within one cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}

// abilities are what the engine can do with the provider, and what it cannot,
// a sentence each.
func abilities(d *providers.Definition) []string {
	c := d.Capabilities
	var told []string
	tell := func(when bool, sentence string) {
		if when {
			told = append(told, sentence)
		}
	}
	tell(c.NativeExpiry && !endsByChoice(d), "Keys end at the provider by themselves, even if nobody revokes them.")
	tell(endsByChoice(d), "Keys end at the provider by themselves where the role asks for that; otherwise the engine's revocation is their only end.")
	tell(c.InPlace, "There is one credential, which each new one ends: a static role keeps it, and there are no leases.")
	tell(!c.NativeExpiry && !c.InPlace, "Keys have no end of their own: the engine revokes each one when its lease ends.")
	tell(true, afterLostAnswer(c))
	tell(c.IPBinding, "Keys can be bound to networks, or to their caller's address (`key_cidrs`, `bind_to_caller`).")
	tell(c.Extend, "Renewing a lease moves the key's own end.")
	tell(c.ShowsRenewals, "The list tells when a key ends, so that a copy of this Vault notices that its original renews leases.")
	tell(c.Probe, "A key can be asked whether it works (`verify_revocation=probe`, and before a static role hands it out).")
	tell(c.Granted, "What a new key may do is read from the provider's answer: one that may do more than was asked for is revoked at once.")
	tell(c.LastUsed, "When a key was last used is shown (`lookup-key`, `reconcile/NAME`, and `keys/ID` with `last_used=true`).")
	tell(c.Check, "The admin credential is tried before it is stored.")
	tell(c.SealedRecord, "Revoking needs something secret, so the engine's records of keys are kept sealed.")
	tell(c.RotateInPlace, "`rotate-root` replaces the admin credential in place: the old one ends with the request that makes the new one.")
	tell(c.RotateRoot && !c.RotateInPlace, "`rotate-root` replaces the admin credential; the old one is retired once the new one works.")
	tell(c.RotateRevokesKeys, rotationEnds(d))
	tell(!c.RotateRoot, "The admin credential cannot be replaced through the provider's API.")
	return append(told, bounds(d)...)
}

// lastingByRole finds an end that is "never" unless a field of the role says otherwise.
var lastingByRole = regexp.MustCompile(`(?m)^\s*expires_at\s*=\s*role\.\w+ \? .* : "never"$`)

// endsByChoice says whether keys end by themselves only where their role asks for that.
func endsByChoice(d *providers.Definition) bool {
	return d.Capabilities.NativeExpiry && lastingByRole.MatchString(d.Source())
}

// rotationEnds says which keys end with the admin credential.
func rotationEnds(d *providers.Definition) string {
	const wait = ", so a rotation waits for as long as somebody holds one, unless `force=true` says that they may end."
	if d.Rotate.RevokesAllKeys() {
		return "Keys end with the admin credential that made them" + wait
	}
	return "Some keys end with the admin credential that made them (see `revokes_keys` in the definition)" + wait
}

// afterLostAnswer says what becomes of a key whose making got no answer.
func afterLostAnswer(c providers.Capabilities) string {
	const key = "A key whose making got no answer "
	switch {
	case c.InPlace:
		return "A credential whose making got no answer is asked for again until there is one."
	case c.Reconcile || c.Lookup:
		return key + "is found by its name and revoked."
	case c.KnownID:
		return key + "is revoked by its id, which is known beforehand."
	case c.Candidates && c.NativeExpiry:
		return key + "has no name to be found by: `queue/ID/candidates` shows an operator what there is, and it ends by itself."
	case c.Candidates:
		return key + "has no name to be found by: `queue/ID/candidates` shows an operator what there is."
	case c.NativeExpiry:
		return key + "cannot be looked for; it ends by itself."
	}
	return key + "cannot be looked for."
}

// spelled is a duration as people say it: a key outlives its lease by a second, so the
// longest lease is often one less than a round number.
func spelled(d time.Duration) string {
	if d%time.Minute != 0 && (d+time.Second)%time.Minute == 0 {
		return "a second less than " + spelled(d+time.Second)
	}
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		switch {
		case d == unit.length:
			return "1 " + unit.name
		case d >= unit.length && d%unit.length == 0:
			return fmt.Sprintf("%d %ss", d/unit.length, unit.name)
		}
	}
	return d.String()
}

// bounds are the provider's own limits.
func bounds(d *providers.Definition) []string {
	var told []string
	if longest := d.Expiry.LongestLease(); longest > 0 {
		told = append(told, fmt.Sprintf("A lease lasts at most %s.", spelled(longest)))
	}
	if d.Limits.Keys > 0 {
		told = append(told, fmt.Sprintf("The provider allows %d keys at a time.", d.Limits.Keys))
	}
	if d.Networks.Single {
		told = append(told, "A key is bound to single addresses, not to networks.")
	}
	if d.Networks.IPv4Only {
		told = append(told, "A key is bound to addresses of IPv4 alone.")
	}
	if d.Networks.MaxItems > 0 {
		told = append(told, fmt.Sprintf("A key is bound to at most %d networks.", d.Networks.MaxItems))
	}
	if d.Limits.RequestsPerSecond > 0 {
		told = append(told, fmt.Sprintf("The engine sends at most %g requests per second.", d.Limits.RequestsPerSecond))
	}
	if d.KeyName.MaxLength > 0 {
		told = append(told, fmt.Sprintf("Names of keys have at most %d characters.", d.KeyName.MaxLength))
	}
	return told
}
