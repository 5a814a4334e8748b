package keyname

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/hashicorp/vault/sdk/helper/template"

	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// A key's name is a readable part and a fixed part. The fixed part is
// "v" + tag (5) + time of issue (7) + maker (3) + number (6): 22 characters of
// base 36, the least that every provider's alphabet and length limit allows. It
// begins with a letter, so that no server takes it for a number, and tells
// reconcile whose key it is and from when, even where the provider lists no dates.
// The maker is the process that issued it: by that a copy of this storage finds
// out that its original is alive (lookout.go). It counts its keys from a random
// number on.
//
// The fixed part of an admin credential that a rotation makes begins with "c".
// Several providers list keys and admin credentials in one place: by the letter
// they are told apart.
const (
	TagLength    = 5
	timeLength   = 7
	makerLength  = 3
	RandomLength = 9 // of what is not issued as a key
	PartLength   = 1 + TagLength + timeLength + RandomLength

	KeyLetter        = "v"
	CredentialLetter = "c"

	// defaultNameLength bounds names where the definition states no maximum.
	defaultNameLength = 64

	defaultNameTemplate = `{{ .RoleName }}-{{ .DisplayName }}`
)

// Data is what a role's key_name_template may use.
type Data struct {
	// RoleName is the name of the role.
	RoleName string
	// DisplayName and EntityID are the caller's in Vault; empty where Vault has none.
	DisplayName string
	EntityID    string
}

// New joins the readable part, cut and cleaned to what the provider allows,
// and the fixed part, which is never cut.
func New(rules providers.KeyName, text string, data Data, fixed string) (string, error) {
	if text == "" {
		text = defaultNameTemplate
	}
	parsed, err := templates.parsed(text)
	if err != nil {
		return "", usererror.Errorf("key_name_template cannot be read: %s; write for example %q", err, defaultNameTemplate)
	}
	readable, err := parsed.Generate(data)
	if err != nil {
		return "", usererror.Errorf("key_name_template cannot be used: %s; write for example %q", err, defaultNameTemplate)
	}
	longest := rules.MaxLength
	if longest == 0 {
		longest = defaultNameLength
	}
	separator := separator(rules)
	readable = clean(readable, rules, separator, longest-PartLength-len(separator))
	if readable == "" {
		return fixed, nil
	}
	return readable + separator + fixed, nil
}

// parsedTemplates are those that roles use, ready for use: reading one takes longer
// than all else that a name does.
type parsedTemplates struct {
	mu     sync.Mutex
	byText map[string]template.StringTemplate
}

// mostTemplates bounds how many are kept; one that is not is read again.
const mostTemplates = 1000

var templates = parsedTemplates{byText: map[string]template.StringTemplate{}}

func (p *parsedTemplates) parsed(text string) (template.StringTemplate, error) {
	p.mu.Lock()
	known, ok := p.byText[text]
	p.mu.Unlock()
	if ok {
		return known, nil
	}
	fresh, err := template.NewTemplate(template.Template(text))
	if err != nil {
		return fresh, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.byText) >= mostTemplates {
		clear(p.byText)
	}
	p.byText[text] = fresh
	return fresh, nil
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

// Namer makes the fixed parts of the keys that one process issues.
type Namer struct {
	// Maker tells the process from others in the names of its keys; it never changes.
	Maker string
	// count is that of the keys so far, from a random number on.
	count atomic.Uint64
}

// mostNumbers is how many keys of one second and one process have different names.
const mostNumbers = 36 * 36 * 36 * 36 * 36 * 36

// NewNamer makes the names of the process with this epoch.
func NewNamer(epoch string) *Namer {
	n := &Namer{Maker: makerOf(epoch)}
	first, err := strconv.ParseUint(Random(RandomLength-makerLength), 36, 64)
	if err != nil {
		panic(err) // it is a number of base 36
	}
	n.count.Store(first)
	return n
}

// makerOf is what the names of a process' keys show of its epoch.
func makerOf(epoch string) string { return epoch[:min(len(epoch), makerLength)] }

// KeyPart makes the fixed part of a new key's name.
func (n *Namer) KeyPart(tag string, issued time.Time) string {
	number := strconv.FormatUint(n.count.Add(1)%mostNumbers, 36)
	return KeyLetter + tag + secondsOf(issued) + n.Maker + pad(number, RandomLength-makerLength)
}

// MakerIn is the process that a fixed part of a key's name tells of.
func MakerIn(fixed string) string {
	return fixed[1+TagLength+timeLength:][:makerLength]
}

// CredentialPart makes the fixed part of a new admin credential's name.
func CredentialPart(tag string, issued time.Time) string {
	return CredentialLetter + tag + secondsOf(issued) + Random(RandomLength)
}

func secondsOf(issued time.Time) string {
	return pad(strconv.FormatInt(issued.Unix(), 36), timeLength)
}

// FindKeyPart finds the fixed part of a key of the mount with this tag in a name
// as a provider gives it, and the time of issue, in whole seconds, that it tells.
// Providers add to the readable part, cut it or write it in another case, so the
// fixed part may stand anywhere; it is returned in lower case. found is false
// for every other name, those of admin credentials among them.
func FindKeyPart(tag, name string) (fixed string, issued time.Time, found bool) {
	return findPart(KeyLetter, tag, name)
}

// FindCredentialPart is fixedPartOf for the names of admin credentials.
func FindCredentialPart(tag, name string) (fixed string, issued time.Time, found bool) {
	return findPart(CredentialLetter, tag, name)
}

// findPart takes the last one where a name holds several: what a readable
// part quotes stands before.
func findPart(letter, tag, name string) (fixed string, issued time.Time, found bool) {
	name = strings.ToLower(name)
	for end := len(name); end > 0; end-- {
		at := strings.LastIndex(name[:end], letter+tag)
		if at < 0 {
			break
		}
		if issued, ok := ReadPart(name[at:]); ok {
			return name[at : at+PartLength], issued, true
		}
		end = at + len(letter+tag)
	}
	return "", time.Time{}, false
}

// ReadPart reads the time of issue out of a fixed part that text begins with.
func ReadPart(text string) (issued time.Time, ok bool) {
	if len(text) < PartLength {
		return time.Time{}, false
	}
	for _, r := range text[:PartLength] {
		if !('0' <= r && r <= '9' || 'a' <= r && r <= 'z') {
			return time.Time{}, false
		}
	}
	seconds, err := strconv.ParseInt(text[1+TagLength:1+TagLength+timeLength], 36, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}

// IsOfSomeMount reports whether a name ends as those end that some mount of this engine makes,
// be it which it may: with a fixed part whose time is of this century.
func IsOfSomeMount(name string) bool {
	end := strings.ToLower(name[max(0, len(name)-PartLength):])
	if !strings.HasPrefix(end, KeyLetter) && !strings.HasPrefix(end, CredentialLetter) {
		return false
	}
	issued, ok := ReadPart(end)
	return ok && issued.Year() >= 1999 && issued.Year() < 2100
}

// TimeIn is the time of issue that a fixed part of our own making tells.
func TimeIn(fixed string) time.Time {
	issued, _ := ReadPart(fixed)
	return issued
}

// Random is that many random characters of base 36.
func Random(length int) string {
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
