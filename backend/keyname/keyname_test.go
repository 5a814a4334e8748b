package keyname

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/template"

	"vault-plugin-secrets-apikeys/providers"
)

func TestKeyName(t *testing.T) {
	fixed := NewNamer("x1y2z3abc").KeyPart("ab1cd", time.Unix(1_800_000_000, 0))
	for name, test := range map[string]struct {
		characters string
		length     int
		template   string
		data       Data
		want       string
	}{
		"default": {
			data: Data{RoleName: "ci", DisplayName: "token-bob"},
			want: "ci-token-bob-" + fixed,
		},
		"cut before the fixed part": {
			length: 24,
			data:   Data{RoleName: "deploy", DisplayName: "x"},
			want:   "d-" + fixed,
		},
		"no room for a readable part": {
			length: 22,
			data:   Data{RoleName: "deploy"},
			want:   fixed,
		},
		"characters that the provider refuses": {
			characters: "a-z0-9_",
			data:       Data{RoleName: "Team/Ä Rö", DisplayName: "x"},
			want:       "team___r__x_" + fixed,
		},
		"no separator allowed": {
			characters: "a-z0-9",
			data:       Data{RoleName: "a-b", DisplayName: "c"},
			want:       "abc" + fixed,
		},
		"does not begin with a digit": {
			data: Data{RoleName: "42", DisplayName: "7up"},
			want: "up-" + fixed,
		},
		"template": {
			template: "{{.EntityID | truncate 3}}",
			data:     Data{EntityID: "entity"},
			want:     "ent-" + fixed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			rules := rulesOf(t, test.characters, test.length)
			got, err := New(rules, test.template, test.data, fixed)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("name is %q, want %q", got, test.want)
			}
			found, issued, ours := FindKeyPart("ab1cd", got)
			if !ours || found != fixed || issued.Unix() != 1_800_000_000 {
				t.Errorf("fixedPartOf(%q) = %q, %s, %v", got, found, issued, ours)
			}
		})
	}
}

func TestKeyNameRefusesBadTemplates(t *testing.T) {
	for _, template := range []string{"{{", "{{.Nobody}}", "{{nothing}}"} {
		if _, err := New(rulesOf(t, "", 0), template, Data{}, "v"); err == nil || !strings.Contains(err.Error(), "key_name_template") {
			t.Errorf("template %q: error %v", template, err)
		}
	}
}

func TestFixedPart(t *testing.T) {
	seen := map[string]bool{}
	shape := regexp.MustCompile(`^vab1cd[0-9a-z]{16}$`)
	for range 1000 {
		fixed := NewNamer("x1y2z3abc").KeyPart("ab1cd", time.Now())
		if !shape.MatchString(fixed) || len(fixed) != 22 {
			t.Fatalf("fixed part %q", fixed)
		}
		if seen[fixed] {
			t.Fatalf("%q came twice", fixed)
		}
		seen[fixed] = true
	}
}

// TestFixedPartIsFound finds the fixed part in whatever a provider makes of a name.
func TestFixedPartIsFound(t *testing.T) {
	const fixed = "vab1cd0tro8w0abcdefghi"
	for name, given := range map[string]string{
		"alone":                         fixed,
		"behind a readable part":        "ci-bob-" + fixed,
		"another separator":             "ci_bob_" + fixed,
		"no separator":                  "cibob" + fixed,
		"the front is cut":              "b-" + fixed,
		"a prefix by the provider":      "robot$project+ci-" + fixed,
		"a suffix by the provider":      "ci-" + fixed + "@service.example",
		"a suffix without separator":    "ci-" + fixed + "x",
		"in capitals":                   strings.ToUpper("ci-" + fixed),
		"in quotes":                     `"` + fixed + `"`,
		"behind another one":            "for-vab1cd0tro8w0zzzzzzzzz-" + fixed,
		"behind a tag without the rest": "vab1cd-" + fixed,
		"behind a part of the tag":      "vab1c" + fixed,
		"beside an admin credential's":  fixed + " by cab1cd0tro8w0yyyyyyyyy",
	} {
		t.Run(name, func(t *testing.T) {
			found, issued, ok := FindKeyPart("ab1cd", given)
			if !ok || found != fixed || issued.Unix() != 1_800_000_000 {
				t.Errorf("fixedPartOf(%q) = %q, %s, %v", given, found, issued, ok)
			}
		})
	}
}

func TestFixedPartOfOthersIsNotFound(t *testing.T) {
	fixed := NewNamer("x1y2z3abc").KeyPart("ab1cd", time.Now())
	for name, given := range map[string]string{
		"empty":                 "",
		"a readable part alone": "ci",
		"first letter cut":      fixed[1:],
		"last letter cut":       fixed[:len(fixed)-1],
		"a sign inside":         fixed[:len(fixed)-1] + "-",
		"another mount's":       strings.Replace(fixed, "ab1cd", "zzzzz", 1),
		"an admin credential's": "vault-root-" + CredentialPart("ab1cd", time.Now()),
	} {
		if _, _, ours := FindKeyPart("ab1cd", given); ours {
			t.Errorf("%s: %q passes for the name of a key of this mount", name, given)
		}
	}
	if _, _, ours := FindCredentialPart("ab1cd", "ci-"+fixed); ours {
		t.Error("a key's name passes for an admin credential's")
	}
}

// rulesOf are the key-name rules of a definition that states these.
func rulesOf(t *testing.T, characters string, length int) providers.KeyName {
	t.Helper()
	attributes := ""
	if characters != "" {
		attributes += fmt.Sprintf("characters = %q\n", characters)
	}
	if length > 0 {
		attributes += fmt.Sprintf("max_length = %d\n", length)
	}
	definition, err := providers.Parse("test.hcl", fmt.Appendf(nil, `
		provider "test" {
			title    = "Test"
			docs     = "https://docs.example"
			base_url = "https://api.example"
			auth "bearer" { token = "none" }
			issue {
				post   = "/keys"
				json   = { name = key.name }
				id     = body.id
				secret = { key = body.key }
			}
			revoke { delete = "/keys/${key.id}" }
			key_name {
				%s
			}
		}`, attributes))
	if err != nil {
		t.Fatal(err)
	}
	return definition.KeyName
}

// TestTemplatesAreReadOnce, however many names they make at a time, and no more of
// them are kept than bounded.
func TestTemplatesAreReadOnce(t *testing.T) {
	kept := parsedTemplates{byText: map[string]template.StringTemplate{}}
	var wg sync.WaitGroup
	for n := range 3 * mostTemplates {
		wg.Go(func() {
			text := fmt.Sprintf("{{ .RoleName }}-%d", n%(mostTemplates+1))
			parsed, err := kept.parsed(text)
			if err != nil {
				t.Error(err)
				return
			}
			want := fmt.Sprintf("app-%d", n%(mostTemplates+1))
			if name, err := parsed.Generate(Data{RoleName: "app"}); err != nil || name != want {
				t.Errorf("%q made %q, %v", text, name, err)
			}
		})
	}
	wg.Wait()
	if n := len(kept.byText); n > mostTemplates {
		t.Errorf("%d are kept", n)
	}
	if _, err := kept.parsed("{{ .RoleName"); err == nil {
		t.Error("a template that cannot be read was")
	}
}

// TestNamesOfOtherMounts: a name is told to be some mount's by how it ends, in whatever case,
// and what people write is not.
func TestNamesOfOtherMounts(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, want := range map[string]bool{
		"app-" + NewNamer(Random(RandomLength)).KeyPart("zzzzz", now): true,
		"vault-root-" + CredentialPart("zzzzz", now):                  true,
		strings.ToUpper("APP-" + CredentialPart("zzzzz", now)):        true,
		CredentialPart("zzzzz", now):                                  true,
		CredentialPart("zzzzz", now)[1:]:                              false,
		"app-token-of-a-person":                                       false,
		"version2024backupkeyofanna":                                  false,
		"v1234567890123456789012":                                     false,
		"":                                                            false,
	} {
		if got := IsOfSomeMount(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}
