package backend

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/vault/sdk/helper/template"

	"vault-plugin-secrets-apikeys/providers"
)

// A key's name is a readable part and a fixed part. The fixed part is
// "v" + tag (5) + time of issue (7) + random (9): 22 characters of base 36, the
// least that every provider's alphabet and length limit allows. It begins with
// a letter, so that no server takes it for a number, and tells reconcile whose
// key it is and from when, even where the provider lists no dates.
const (
	tagLength    = 5
	timeLength   = 7
	randomLength = 9
	fixedLength  = 1 + tagLength + timeLength + randomLength

	// defaultNameLength bounds names where the definition states no maximum.
	defaultNameLength = 64

	defaultNameTemplate = `{{ .RoleName }}-{{ .DisplayName }}`
)

// nameData is what a role's key_name_template may use.
type nameData struct {
	RoleName    string
	DisplayName string
	EntityID    string
}

// keyName joins the readable part, cut and cleaned to what the provider allows,
// and the fixed part, which is never cut.
func keyName(rules providers.KeyName, text string, data nameData, fixed string) (string, error) {
	if text == "" {
		text = defaultNameTemplate
	}
	parsed, err := template.NewTemplate(template.Template(text))
	if err != nil {
		return "", mistake("key_name_template cannot be read: %s; write for example %q", err, defaultNameTemplate)
	}
	readable, err := parsed.Generate(data)
	if err != nil {
		return "", mistake("key_name_template cannot be used: %s; write for example %q", err, defaultNameTemplate)
	}
	longest := rules.MaxLength
	if longest == 0 {
		longest = defaultNameLength
	}
	separator := separator(rules)
	readable = clean(readable, rules, separator, longest-fixedLength-len(separator))
	if readable == "" {
		return fixed, nil
	}
	return readable + separator + fixed, nil
}

// clean leaves at most length characters that the provider allows, beginning
// with a letter.
func clean(text string, rules providers.KeyName, separator string, length int) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		piece := string(r)
		if r > unicode.MaxASCII || !unicode.IsPrint(r) || !rules.Allows(r) {
			piece = separator
		}
		if b.Len() == 0 && !unicode.IsLetter(r) {
			continue
		}
		if b.Len()+len(piece) > length {
			break
		}
		b.WriteString(piece)
	}
	if separator == "" {
		return b.String()
	}
	return strings.Trim(b.String(), separator)
}

func separator(rules providers.KeyName) string {
	for _, r := range "-_" {
		if rules.Allows(r) {
			return string(r)
		}
	}
	return ""
}

// fixedPart makes the fixed part of a new name.
func fixedPart(tag string, issued time.Time) string {
	seconds := strconv.FormatInt(issued.Unix(), 36)
	return "v" + tag + pad(seconds, timeLength) + randomBase36(randomLength)
}

// issuedUnder reads the time of issue out of a name that carries the mount's
// tag; false for every other name.
func issuedUnder(tag, name string) (time.Time, bool) {
	if len(name) < fixedLength {
		return time.Time{}, false
	}
	fixed := name[len(name)-fixedLength:]
	if !strings.HasPrefix(fixed, "v"+tag) {
		return time.Time{}, false
	}
	for _, r := range fixed {
		if !('0' <= r && r <= '9' || 'a' <= r && r <= 'z') {
			return time.Time{}, false
		}
	}
	seconds, err := strconv.ParseInt(fixed[1+tagLength:1+tagLength+timeLength], 36, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}

func randomBase36(length int) string {
	limit := new(big.Int).Exp(big.NewInt(36), big.NewInt(int64(length)), nil)
	n, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic(fmt.Sprintf("no randomness: %s", err)) // crypto/rand does not fail on supported systems
	}
	return pad(n.Text(36), length)
}

func pad(digits string, length int) string {
	return strings.Repeat("0", max(0, length-len(digits))) + digits
}
