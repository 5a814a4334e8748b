//go:build !race

package simulation

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers"
)

// notInLives is what of the language no life uses, and why: what its attributes say is no
// part of a key's life, or the world's provider cannot know it.
var notInLives = map[string]string{
	`auth "jwt"`:                    "who signs a request, and with what, ends before the life of a key begins; a private key the world cannot tell a signature of",
	`auth "login"|headers`:          aboutSigning,
	`auth "login"|when`:             aboutSigning,
	`auth "oauth2"|scopes`:          aboutSigning,
	`auth "oauth2"|audience`:        aboutSigning,
	`auth "query"|when`:             aboutSigning,
	`auth "signature"|key_encoding`: aboutSigning,
	`auth "signature"|when`:         aboutSigning,
	`auth "sigv4"|session_token`:    aboutSigning,
	`auth "sigv4"|when`:             aboutSigning,
	`connection|default`:            aboutFields,
	`connection|enum`:               aboutFields,
	`connection|min`:                aboutFields,
	`connection|max`:                aboutFields,
	`connection|pattern`:            aboutFields,
	`role|enum`:                     aboutFields,
	`role|min`:                      aboutFields,
	`role|max`:                      aboutFields,
	`role|pattern`:                  aboutFields,
	`role|sensitive`:                aboutFields,
	`poll|post`:                     aboutRequests,
	`poll|query`:                    aboutRequests,
	`poll|headers`:                  aboutRequests,
	`poll|json`:                     aboutRequests,
	`poll|response`:                 aboutRequests,
	`poll|credential`:               aboutRequests,
	`poll|ok`:                       aboutRequests,
	`poll|save`:                     aboutRequests,
	`requests|get`:                  aboutRequests,
	`requests|put`:                  aboutRequests,
	`requests|patch`:                aboutRequests,
	`requests|delete`:               aboutRequests,
	`requests|json`:                 aboutRequests,
	`Request|raw`:                   aboutRequests,
	`extend step|for_each`:          aboutEach,
	`list step|for_each`:            aboutEach,
	`rotate step|for_each`:          aboutEach,
}

const (
	aboutSigning  = "how a request is signed ends before the life of a key begins"
	aboutFields   = "bounds of what an operator writes, which is refused before anything is asked"
	aboutRequests = "how a request is written; the same block asks in other ways in lives"
	aboutEach     = "made once for each element, as the steps of issue, revoke, lookup and retire are in lives"
)

// Each block and attribute of the language is used by a definition that lives have, or has a
// reason why not.
func TestLanguageIsPlayed(t *testing.T) {
	documented, used := documentedLanguage(t), playedLanguage(t)
	for _, one := range documented.all() {
		block, _, _ := strings.Cut(one, "|")
		reason := notInLives[one] + notInLives[block]
		switch {
		case used[one] && notInLives[one] != "":
			t.Errorf("%s is used, and notInLives has it", one)
		case !used[one] && reason == "":
			t.Errorf("no life uses %s: have one draw it, or say in notInLives why that cannot be", one)
		}
	}
	for one := range notInLives {
		if !slices.ContainsFunc(documented.all(), func(other string) bool { return strings.HasPrefix(other, one) }) {
			t.Errorf("the language has no %s", one)
		}
	}
}

// language are the attributes of each block, by the headings of the documentation.
type language map[string][]string

func (l language) all() []string {
	var all []string
	for _, block := range sortedNames(l) {
		for _, attribute := range l[block] {
			all = append(all, block+"|"+attribute)
		}
	}
	return all
}

var (
	languageHeading = regexp.MustCompile("^### (.+)$")
	languageRow     = regexp.MustCompile("^\\| (`[^|]+`) \\|")
	quotedName      = regexp.MustCompile("`([^`]+)`")
)

// documentedLanguage is what "Every block and attribute" of the documentation lists.
func documentedLanguage(t *testing.T) language {
	t.Helper()
	text, err := os.ReadFile("../../docs/definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n## Every block and attribute\n")
	rest, _, ended := strings.Cut(rest, "\n## ")
	if !found || !ended {
		t.Fatal("docs/definitions.md has no list of every block and attribute")
	}
	all := language{}
	var blocks []string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if heading := languageHeading.FindStringSubmatch(line); heading != nil {
			blocks = nil
			for _, name := range quotedName.FindAllStringSubmatch(heading[1], -1) {
				blocks = append(blocks, name[1])
			}
			if blocks == nil {
				blocks = []string{heading[1]}
			}
		}
		row := languageRow.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		for _, name := range quotedName.FindAllStringSubmatch(row[1], -1) {
			for _, block := range blocks {
				all[block] = append(all[block], name[1])
			}
		}
	}
	return all
}

// playedLanguage is what the definitions say that lives have.
func playedLanguage(t *testing.T) map[string]bool {
	t.Helper()
	documented, used := documentedLanguage(t), map[string]bool{}
	read := func(text string, rotates bool) {
		file, problems := hclsyntax.ParseConfig([]byte(text), "played.hcl", hcl.InitialPos)
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		body, _ := file.Body.(*hclsyntax.Body)
		for _, block := range body.Blocks {
			documented.read("provider", block.Body, used, rotates)
		}
	}
	for seed := uint64(1); seed <= firstLives; seed++ {
		if traits := Draw(seed).Traits; traits.Catalog == "" {
			read(traits.definition(""), true)
		}
	}
	read(Traits{InPlace: true}.beside(sharedText), true)
	for _, name := range dialectNames() {
		definition, err := providers.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		read(definition.Source(), dialectOf(name).traits.Rotation != "")
	}
	return used
}

// read notes what a block says. Of one that rotates nothing the block rotate is left out.
func (l language) read(block string, body *hclsyntax.Body, used map[string]bool, rotates bool) {
	for name := range body.Attributes {
		at := block
		if !slices.Contains(l[block], name) {
			at = "Request"
		}
		used[at+"|"+name] = true
	}
	for _, within := range body.Blocks {
		name := within.Type
		switch {
		case name == "step":
			name = block + " step"
		case name == "auth" && len(within.Labels) > 0:
			name += ` "` + within.Labels[0] + `"`
		case name == "rotate" && !rotates:
			continue
		}
		l.read(name, within.Body, used, rotates)
	}
}
